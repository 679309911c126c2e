"""The largest module, function and class stay small, and everything public says what it is."""

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.sources import PACKAGES, ROOT, Function, classes, functions, is_pure, python_files, tree

MODULE_LINES = 500
FUNCTION_LINES = 50
CLASS_METHODS = 20
POSITIONAL_PARAMETERS = 5
TUPLE_NAMES = 4

EVERYWHERE = (*PACKAGES, "benchmarks", "tests")
CONTRACTS = "Protocol Generic Enum IntEnum StrEnum Flag IntFlag Exception NamedTuple Struct"
WRITTEN = "BaseModel BaseSettings LadderOptions LevelOptions DepartureOptions"
BASES = frozenset(f"{CONTRACTS} {WRITTEN}".split())


def _body_lines(function: Function) -> int:
    """Return the lines of a function without its docstring."""
    lines = (function.end_lineno or function.lineno) - function.lineno + 1
    first = function.body[0]
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
        lines -= (first.end_lineno or first.lineno) - first.lineno + 1
    return lines


def _positional(function: Function, methods: set[Function]) -> int:
    """Return how many parameters a caller can pass by position."""
    arguments = function.args.posonlyargs + function.args.args
    return len(arguments) - (function in methods and bool(arguments) and arguments[0].arg in ("self", "cls"))


def _methods(path: Path) -> set[Function]:
    """Return the functions that stand in a class body."""
    return {item for node in classes(path) for item in node.body if isinstance(item, Function)}


def test_modules_everywhere_stay_within_budget():
    """No module has more than 500 lines."""
    lengths = {path: len((ROOT / path).read_text(encoding="utf-8").splitlines()) for path in _files()}

    assert {} == {str(path): n_lines for path, n_lines in lengths.items() if n_lines > MODULE_LINES}


def test_functions_everywhere_stay_within_budget():
    """No function has more than 50 lines without its docstring."""
    lengths = {f"{path}:{node.lineno} {node.name}": _body_lines(node) for path in _files() for node in functions(path)}

    assert {} == {place: n_lines for place, n_lines in lengths.items() if n_lines > FUNCTION_LINES}


def test_classes_of_the_program_stay_within_budget():
    """No class has more than 20 methods."""
    counts = {
        f"{path}:{node.lineno} {node.name}": sum(isinstance(item, Function) for item in node.body)
        for path in python_files(*PACKAGES)
        for node in classes(path)
    }

    assert {} == {place: n_methods for place, n_methods in counts.items() if n_methods > CLASS_METHODS}


def test_parameters_of_the_program_stay_within_budget():
    """No function takes more than five positional parameters."""
    counts = {
        f"{path}:{node.lineno} {node.name}": _positional(node, _methods(path))
        for path in python_files(*PACKAGES)
        for node in functions(path)
    }

    assert {} == {place: count for place, count in counts.items() if count > POSITIONAL_PARAMETERS}


def test_assignments_everywhere_name_few_things_at_once():
    """No assignment gives values to four or more names of a tuple; unpacking a record or a row is allowed."""
    wrong = [
        f"{path}:{node.lineno} {ast.unparse(node)[:80]}"
        for path in _files()
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Assign)
        and isinstance(node.value, ast.Tuple)
        and any(isinstance(each, ast.Tuple) and len(each.elts) >= TUPLE_NAMES for each in node.targets)
    ]

    assert [] == wrong, "\n".join(wrong)


def test_contributors_read_the_same_limits():
    """CONTRIBUTING.md names the three limits of this file."""
    text = " ".join((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").split())

    assert f"{MODULE_LINES} lines a module, {FUNCTION_LINES} a function, {CLASS_METHODS} methods a class" in text


def test_public_names_of_the_program_have_docstrings():
    """Every public module, class, function and method says what it is."""
    missing = [str(path) for path in python_files(*PACKAGES) if not ast.get_docstring(tree(path))]
    missing += [
        f"{path}:{node.lineno} {node.name}"
        for path in python_files(*PACKAGES)
        for node in _named(tree(path).body)
        if not node.name.startswith("_") and not ast.get_docstring(node)
    ]

    assert [] == missing, "\n".join(missing)


def test_tests_have_one_sentence_docstrings():
    """Every test says in one sentence, on one line, which behaviour it proves."""
    wrong = []
    for path in python_files("tests"):
        for node in functions(path):
            docstring = ast.get_docstring(node) or ""
            if node.name.startswith("test_") and ("\n" in docstring or not docstring.endswith(".")):
                wrong.append(f"{path}:{node.lineno} {node.name}: {docstring!r}")

    assert [] == wrong, "\n".join(wrong)


def test_classes_of_the_program_inherit_only_contracts():
    """A class has no base but Protocol, Enum, Exception, and models of what is written in files."""
    wrong = [
        f"{path}:{node.lineno} {node.name}({', '.join(_bases(node))})"
        for path in python_files(*PACKAGES)
        for node in classes(path)
        if "Protocol" not in _bases(node) and not all(_is_contract(base) for base in _bases(node))
    ]

    assert [] == wrong, "\n".join(wrong)


def test_pure_modules_never_use_any():
    """The functional core has no `Any`."""
    wrong = [
        f"{path}:{node.lineno}"
        for path in python_files(*PACKAGES)
        if is_pure(path)
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Name) and node.id == "Any"
    ]

    assert [] == wrong, "\n".join(wrong)


def test_program_has_no_global_statement():
    """Nothing changes a module's variables from inside a function."""
    wrong = [
        f"{path}:{node.lineno}"
        for path in python_files(*PACKAGES)
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Global)
    ]

    assert [] == wrong, "\n".join(wrong)


def _named(body: list[ast.stmt]) -> Iterator[Function | ast.ClassDef]:
    """Give the functions and classes of a module or class body, and those of its classes; local ones are left out."""
    for node in body:
        if isinstance(node, Function | ast.ClassDef):
            yield node
        if isinstance(node, ast.ClassDef):
            yield from _named(node.body)


def _files() -> list[Path]:
    """Return all Python files under budget."""
    return python_files(*EVERYWHERE)


def _bases(node: ast.ClassDef) -> list[str]:
    """Return the last names of the base classes, e.g. Protocol for `typing.Protocol[T]`."""
    return [ast.unparse(base).split("[")[0].split(".")[-1] for base in node.bases]


def _is_contract(base: str) -> bool:
    """Tell whether a base class is one of the allowed kinds."""
    return base in BASES or base.endswith(("Error", "Options"))
