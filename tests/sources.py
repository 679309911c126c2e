"""What the gates look at: the project's files and their syntax trees."""

import ast
import subprocess
import tomllib
from collections.abc import Iterator
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
PACKAGES = ("config", "collector", "rules", "alerts", "simulators", "lifeline")
SHELL_MARK = "I/O:"

Function = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def project_files() -> tuple[Path, ...]:
    """Return every file of the project relative to the root: what git knows or would take."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    try:
        listing = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    except (FileNotFoundError, subprocess.CalledProcessError):  # no git here, or an unpacked archive
        return _unpacked_files()
    return tuple(Path(line) for line in listing.stdout.splitlines() if (ROOT / line).is_file())


def _unpacked_files() -> tuple[Path, ...]:
    """Return every file below the root that git would not ignore."""
    ignored = [".git", *(line.strip("/") for line in (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines())]
    found = (path.relative_to(ROOT) for path in ROOT.rglob("*") if path.is_file())
    return tuple(
        path for path in found if not any(fnmatch(part, pattern) for part in path.parts for pattern in ignored)
    )


def python_files(*folders: str) -> list[Path]:
    """Return the Python files below the top-level `folders`, relative to the root, sorted."""
    return sorted(path for path in project_files() if path.suffix == ".py" and path.parts[0] in folders)


@cache
def tree(path: Path) -> ast.Module:
    """Return the syntax tree of `path`."""
    return ast.parse((ROOT / path).read_text(encoding="utf-8"), filename=str(path))


def text_files() -> Iterator[tuple[Path, str]]:
    """Give each file of the project that is text, with its text."""
    for path in project_files():
        content = (ROOT / path).read_bytes()
        if b"\0" not in content:
            yield path, content.decode("utf-8")


def functions(path: Path) -> list[Function]:
    """Return all functions and methods of a file."""
    return [node for node in ast.walk(tree(path)) if isinstance(node, Function)]


def classes(path: Path) -> list[ast.ClassDef]:
    """Return all classes of a file."""
    return [node for node in ast.walk(tree(path)) if isinstance(node, ast.ClassDef)]


def module_name(path: Path) -> str:
    """Return the dotted name of the module in a file."""
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def is_pure(path: Path) -> bool:
    """Tell whether the docstring of a module does not mark it as part of the shell."""
    return not (ast.get_docstring(tree(path)) or "").startswith(SHELL_MARK)


@cache
def pyproject() -> dict[str, Any]:
    """Return the project's metadata and tool settings."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
