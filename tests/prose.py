"""Measures of the English in docstrings: words that hide a noun, and the length of sentences."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.sources import tree

HIDING = frozenset(["what", "whom", "whose", "nobody", "told"])
"""Words that stand where a noun of the glossary should stand."""

_WORD = re.compile(r"[A-Za-z][A-Za-z'’-]*")
_CODE = re.compile(r"``[^`]+``|`[^`]+`|\[[^\]]*\]\([^)]*\)|https?://\S+")
_ENTRY = re.compile(r"^\s*(?:[-*]|\d+\.|\w[\w ,*`/]*:)\s", re.MULTILINE)
_END = re.compile(r"(?<=[.!?;])\s+|\n\s*\n")


def docstrings(path: Path) -> Iterator[tuple[int, str]]:
    """Give (line, text) of each docstring of a file, those of constants and fields too."""
    for node in ast.walk(tree(path)):
        if not isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        for statement in node.body:
            if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
                text = statement.value.value
                if isinstance(text, str):
                    yield statement.lineno, text


def plain(text: str) -> str:
    """Return the prose of a docstring: examples and code are left out, a span of code counts as one word."""
    lines = [line for line in text.splitlines() if not re.match(r"\s*(>>>|\.\.\.|\||\{|\[)", line)]
    return _CODE.sub(" name ", "\n".join(lines))


def words(text: str) -> list[str]:
    """Return the lower-case words of the prose of a docstring."""
    return [word.lower() for word in _WORD.findall(plain(text))]


def sentences(text: str) -> list[str]:
    """Return the sentences of the prose of a docstring; an entry such as `Input:` begins a new one."""
    pieces: list[str] = []
    for block in _END.split(_ENTRY.sub(lambda entry: f"\n\n{entry.group()}", plain(text))):
        piece = " ".join(block.split())
        if _WORD.search(piece):
            pieces.append(piece)
    return pieces
