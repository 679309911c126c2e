"""The programs outside that Python files start, derived from their syntax: the first word of every command.

A name stands for all that is bound to it in its file: assignments, loops, arguments of calls, fixtures. What cannot be
derived so is an error, never a guess.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.sources import ROOT, Function, functions, tree

STARTERS = {
    *(f"subprocess.{name}" for name in ("run", "Popen", "call", "check_call", "check_output")),
    *(f"asyncio.create_subprocess_{name}" for name in ("exec", "shell")),
    *(f"os.{name}" for name in ("system", "popen", "execv", "execvp", "execve", "posix_spawn", "spawnv")),
    "ServerProcess",
}
"""What takes a command as its first argument; the last is the wrapper of the services."""
FINDERS = {"shutil.which", "find_programs"}
"""What gives paths of the programs that are its arguments."""
PYTHON = "python3"


class UnknownProgramError(Exception):
    """A command whose first word cannot be derived."""


class Starts:
    """What one Python file starts."""

    def __init__(self, path: Path) -> None:
        """Read `path`, relative to the root."""
        self._path = path
        self._nodes = list(ast.walk(tree(path)))
        self._calls = [node for node in self._nodes if isinstance(node, ast.Call)]
        self._functions = {function.name: function for function in functions(path)}
        self._home = {node: function for function in functions(path) for node in ast.walk(function)}
        self._imported = dict(_imports(tree(path)))
        self._rests = {name for function in self._functions.values() for name in _rest(function)}
        self._open: set[str] = set()

    def programs(self) -> set[str]:
        """Return the programs, by their name alone.

        Raises:
            UnknownProgramError: a command begins with something that cannot be derived.
        """
        found: set[str] = set()
        for call in self._calls:
            if ast.unparse(call.func) in FINDERS and self._place(call) not in FINDERS:
                found |= self._found(call)
            elif ast.unparse(call.func) in STARTERS and ast.unparse(call.args[0]) != self._passed_on:
                found |= self._first(call.args[0])
        for node in self._nodes:
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]).endswith(".process.command"):
                found |= self._first(node.value)
        return found

    @property
    def _passed_on(self) -> str:
        """What the wrapper itself starts: the commands of all who call it."""
        return "[*_guard(self.user), *self.command]"

    def _first(self, node: ast.expr | None) -> set[str]:
        """Return all first words that the value of an expression can have."""
        derive = getattr(self, f"_of_{type(node).__name__.lower()}", None)
        if derive is None:
            raise UnknownProgramError(
                f"{self._path}:{getattr(node, 'lineno', 0)}: {ast.unparse(node) if node else node}"
            )
        return derive(node)

    def _any(self, nodes: Iterator[ast.expr] | list[ast.expr]) -> set[str]:
        return set().union(*map(self._first, nodes))

    def _of_constant(self, node: ast.Constant) -> set[str]:
        return {Path(word).name for word in re.findall(r"[\w./+-]+", str(node.value or ""))[:1]}

    def _of_list(self, node: ast.List | ast.Tuple) -> set[str]:
        """Return the first words of the first element, and of those behind parts that may be empty."""
        found: set[str] = set()
        for element in node.elts:
            inner = element.value if isinstance(element, ast.Starred) else element
            found |= self._first(inner)
            if inner is element or not (isinstance(inner, ast.Call) or ast.unparse(inner) in self._rests):
                break
        return found

    _of_tuple = _of_list

    def _of_name(self, node: ast.Name) -> set[str]:
        if node.id in self._open:
            return set()
        self._open.add(node.id)
        bound = [*self._bound(node.id, self._place(node)), *self._passed(node.id)] or [*self._bound(node.id, "")]
        found = self._any(bound)
        self._open.discard(node.id)
        if not bound:
            raise UnknownProgramError(f"{self._path}:{node.lineno}: {node.id}")
        return found

    def _of_attribute(self, node: ast.Attribute) -> set[str]:
        if ast.unparse(node) == "sys.executable":
            return {PYTHON}
        bound = list(self._bound(ast.unparse(node)))
        if node.attr in self._functions:
            bound += self._given(self._functions[node.attr])
        if not bound:
            raise UnknownProgramError(f"{self._path}:{node.lineno}: {ast.unparse(node)}")
        return self._any(bound)

    def _of_call(self, node: ast.Call) -> set[str]:
        name = ast.unparse(node.func)
        if name in FINDERS:
            return self._found(node)
        if name in {"pytest.skip", "pytest.fail"}:
            return set()
        if name in self._functions:
            return self._any(self._given(self._functions[name]))
        elsewhere = self._imported.get(name)
        if elsewhere:
            return Starts(elsewhere)._first(ast.Call(ast.Name(name), []))
        if name in {"shlex.split", "re.search", "Path", "str", "list"}:
            return self._first(node.args[0])
        if isinstance(node.func, ast.Attribute):  # a method of what the command is made from
            return self._first(node.func.value)
        raise UnknownProgramError(f"{self._path}:{node.lineno}: {name}()")

    def _of_subscript(self, node: ast.Subscript) -> set[str]:
        return self._first(node.value)

    def _of_boolop(self, node: ast.BoolOp) -> set[str]:
        return self._any(node.values)

    def _of_ifexp(self, node: ast.IfExp) -> set[str]:
        return self._any([node.body, node.orelse])

    def _of_binop(self, node: ast.BinOp) -> set[str]:
        return self._first(node.right if isinstance(node.op, ast.Div) else node.left)

    def _found(self, call: ast.Call) -> set[str]:
        return self._any([argument for argument in call.args if not isinstance(argument, ast.Starred)])

    def _place(self, node: ast.AST) -> str:
        """Return the name of the function in which a node stands, or nothing."""
        return self._home[node].name if node in self._home else ""

    def _bound(self, name: str, place: str | None = None) -> Iterator[ast.expr]:
        """Yield what is assigned to `name` or looped over by it, in the function `place` or anywhere."""
        for node in self._nodes:
            if place is not None and self._place(node) != place:
                continue
            if isinstance(node, ast.Assign) and any(name in _names(target) for target in node.targets):
                yield node.value
            elif isinstance(node, ast.For | ast.comprehension) and name in _names(node.target):
                yield _column(node.iter, _names(node.target).index(name))

    def _passed(self, name: str) -> Iterator[ast.expr]:
        """Yield what callers of this file pass for the parameter `name`, or what the fixture of that name gives."""
        for function in self._functions.values():
            names = [argument.arg for argument in (*function.args.posonlyargs, *function.args.args)]
            for call in self._calls if name in (*names, *_rest(function)) else ():
                if ast.unparse(call.func) == function.name:
                    yield from _passed(call, name, names)
        if name in self._functions:
            yield from self._given(self._functions[name])

    def _given(self, function: Function) -> list[ast.expr]:
        """Return what a function returns or yields."""
        nodes = [node for node in ast.walk(function) if isinstance(node, ast.Return | ast.Yield)]
        return [node.value for node in nodes if node.value is not None]


def _names(target: ast.expr) -> list[str]:
    """Return the names that an assignment to `target` binds, in their order."""
    parts = target.elts if isinstance(target, ast.Tuple | ast.List) else [target]
    return [ast.unparse(part) for part in parts]


def _column(rows: ast.expr, place: int) -> ast.expr:
    """Return what the name at `place` of a loop over `rows` takes its values from."""
    is_zip = isinstance(rows, ast.Call) and ast.unparse(rows.func) == "zip"
    return rows.args[place] if is_zip else rows


def _imports(module: ast.Module) -> Iterator[tuple[str, Path]]:
    """Yield the names that a module takes from other files of the project, with those files."""
    for node in ast.walk(module):
        if isinstance(node, ast.ImportFrom) and (ROOT / f"{(node.module or '').replace('.', '/')}.py").is_file():
            path = Path(f"{(node.module or '').replace('.', '/')}.py")
            yield from ((alias.name, path) for alias in node.names)


def _rest(function: Function) -> list[str]:
    return [function.args.vararg.arg] if function.args.vararg else []


def _passed(call: ast.Call, name: str, names: list[str]) -> Iterator[ast.expr]:
    """Yield what `call` passes for the parameter `name` of a function with the positional parameters `names`."""
    yield from (keyword.value for keyword in call.keywords if keyword.arg == name)
    place = names.index(name) if name in names else len(names)
    for argument in call.args[place : place + 1]:
        yield argument.value if isinstance(argument, ast.Starred) else argument


def started(path: Path) -> set[str]:
    """Return the programs that a Python file starts."""
    text = (ROOT / path).read_text(encoding="utf-8")
    names = {name.rpartition(".")[2] for name in STARTERS | FINDERS}
    return Starts(path).programs() if any(f"{name}(" in text for name in names) else set()
