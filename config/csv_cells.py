"""Cells of one row as values of the right type.

Input: a `Row`.
Output: words, texts, numbers, choices, references; problems in a list, not as exceptions.
Not responsible for: the register.
Rejects: cells of the wrong type or outside their range.
"""

import contextlib
import difflib
import math
import re
from collections.abc import Collection, Mapping, Sequence
from enum import StrEnum
from typing import TypeVar

from config.errors import Problem
from config.tables import Row, Table

WORD = r"[A-Za-z0-9_.:-]{1,64}"
"""Ids and channels: words without escaping in a topic, in line protocol, in a URL path and in a metric label."""

_WORD = re.compile(WORD)
_FEW = 2000
"""Up to so many names a close match is looked for: comparing 100,000 would take a second for each wrong cell."""

Choice = TypeVar("Choice", bound=StrEnum)


class Cells:
    """One row under check."""

    def __init__(self, row: Row, problems: list[Problem]) -> None:
        self.row = row
        self._problems = problems

    def refuse(self, column: str, *, expected: str, remedy: str, got: str | None = None) -> None:
        """Note that the cell of `column` is wrong."""
        self._problems.append(self.row.problem(column, expected=expected, remedy=remedy, got=got))

    def word(self, column: str) -> str:
        """Return an id or channel."""
        text = self.row[column]
        if not _WORD.fullmatch(text):
            remedy = "use only these: the id becomes part of topics, links and series names"
            self.refuse(column, expected="1 to 64 of A-Z a-z 0-9 _ . : -", remedy=remedy)
        return text

    def name(self, column: str) -> str:
        """Return a text that people read on one line."""
        text = self.row[column]
        if not text or len(text) > 100 or not text.isprintable():
            self.refuse(column, expected="1 to 100 printable characters on one line", remedy="write the name out")
        return text

    def pattern(self, column: str, pattern: str, *, expected: str, remedy: str) -> str:
        """Return a text that matches `pattern` as a whole."""
        text = self.row[column]
        if not re.fullmatch(pattern, text):
            self.refuse(column, expected=expected, remedy=remedy)
        return text

    def number(self, column: str, low: float, high: float, *, expected: str, remedy: str) -> float:
        """Return a number with low <= number <= high; `low` itself where the cell has none."""
        try:
            number = float(self.row[column])
        except ValueError:
            number = math.nan
        if low <= number <= high:
            return number
        self.refuse(column, expected=expected, remedy=remedy)
        return low

    def choice(self, column: str, choices: type[Choice]) -> Choice:
        """Return the member of `choices` that the cell names; the first one where it names none."""
        text = self.row[column]
        with contextlib.suppress(ValueError):
            return choices(text)
        names = [member.value for member in choices]
        self.refuse(column, expected=f"one of {', '.join(names)}", remedy=close_name(text, names))
        return next(iter(choices))

    def reference(self, column: str, known: Mapping[str, Row] | None, table: str) -> Row | None:
        """Return the row of `table` that the cell names; None without a problem while `known` is not readable."""
        text = self.row[column]
        if known is None or text in known:
            return known[text] if known else None
        remedy = close_name(text, known, f"add the row to {table}.csv or correct the id")
        self.refuse(column, expected=f"an id of {table}.csv", remedy=remedy)
        return None


def close_name(text: str, names: Collection[str], otherwise: str = "choose one of them") -> str:
    """Return a remedy that names the closest of `names`, or `otherwise`."""
    close = difflib.get_close_matches(text, names, 1) if len(names) <= _FEW else []
    return f"did you mean {close[0]}?" if close else otherwise


def unique_rows(table: Table, columns: Sequence[str], problems: list[Problem]) -> dict[tuple[str, ...], Row]:
    """Return the first row of each key made of `columns`, and note every later one as a problem."""
    first: dict[tuple[str, ...], Row] = {}
    for row in table.rows:
        key = tuple(row[column] for column in columns)
        before = first.setdefault(key, row)
        if before is not row:
            expected = f"each {' and '.join(columns)} once (line {before.line} has it)"
            got = " ".join(key) or None
            problems.append(
                row.problem(columns[-1], expected=expected, got=got, remedy="rename or remove one of the two")
            )
    return first
