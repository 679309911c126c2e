"""CSV text as rows of named cells that keep their line numbers.

Input: text, the name of its file, the required columns.
Output: `Table`, with its problems in a list: all files report together.
Not responsible for: the meaning of the cells.
Rejects: missing and unknown columns, rows of the wrong length.
"""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from config.errors import Problem


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its cells by column, stripped of surrounding space."""

    file: str
    line: int
    cells: Mapping[str, str]

    def __getitem__(self, column: str) -> str:
        """Return the cell of `column`."""
        return self.cells[column]

    def problem(self, column: str, *, expected: str, remedy: str, got: str | None = None) -> Problem:
        """Return a problem of this row's `column`, showing its cell unless `got` says otherwise."""
        cell = self.cells[column]
        shown = got or (repr(cell if len(cell) <= 60 else f"{cell[:57]}...") if cell else "nothing")
        return Problem(self.file, self.line, column, expected, shown, remedy)


@dataclass(frozen=True, slots=True)
class Table:
    """The rows of one file with the right number of cells, and the problems of the others."""

    file: str
    rows: Sequence[Row]
    problems: Sequence[Problem]
    is_readable: bool = True
    """False when the file or its header could not be used: then the absence of a row means nothing."""


def unreadable(file: str, problems: Sequence[Problem]) -> Table:
    """Return the table that stands for a file that could not be read."""
    return Table(file, (), problems, is_readable=False)


def parse_table(text: str, file: str, columns: Sequence[str], optional: Sequence[str] = ()) -> Table:
    """Return the rows of `text`. Its header must name `columns` and may name `optional` ones, in any order.

    A column that is not there reads as empty.
    """
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    rows: list[Row] = []
    problems: list[Problem] = []
    header: list[str] = []
    absent: dict[str, str] = {}
    line = 0
    try:
        for cells in reader:
            start, line = line + 1, reader.line_num
            texts = [cell.strip() for cell in cells]
            if not any(texts):
                continue
            if not header:
                header = texts
                problems = _header_problems(header, file, start, (columns, optional))
                if problems:
                    return unreadable(file, problems)
                absent = dict.fromkeys(set(optional) - set(header), "")
            elif len(texts) != len(header):
                problems.append(_width_problem(file, start, len(header), len(texts)))
            else:
                named = dict(zip(header, texts, strict=True))
                named.update(absent)
                rows.append(Row(file, start, named))
    except csv.Error as error:
        remedy = "check the quotes around this line; a quote inside a cell is written twice"
        problems.append(Problem(file, reader.line_num, "(row)", "CSV", str(error), remedy))
        return Table(file, rows, problems, is_readable=False)
    if not header:
        return unreadable(file, [_no_header(file, columns)])
    return Table(file, rows, problems)


def _no_header(file: str, columns: Sequence[str]) -> Problem:
    return Problem(file, 1, "(header)", ",".join(columns), "an empty file", "write this line first")


def _width_problem(file: str, line: int, expected: int, got: int) -> Problem:
    remedy = "add or remove commas; put a cell that contains a comma in double quotes"
    return Problem(file, line, "(row)", f"{expected} cells", str(got), remedy)


def _header_problems(
    header: list[str], file: str, line: int, known: tuple[Sequence[str], Sequence[str]]
) -> list[Problem]:
    columns, optional = known
    if len(header) == 1 and any(mark in header[0] for mark in ";\t"):
        remedy = "save the file with commas between the cells"
        return [Problem(file, line, "(header)", ",".join(columns), "another separator than a comma", remedy)]
    every = ", ".join([*columns, *optional])
    missing = [
        Problem(file, line, name, "this column", "no such column", f"the header must name {', '.join(columns)}")
        for name in columns
        if name not in header
    ]
    unknown = [
        Problem(file, line, name or "(header)", f"one of {every}", "an unknown column", "remove or rename it")
        for name in header
        if name not in columns and name not in optional
    ]
    twice = [
        Problem(file, line, name, "the column once", "it again", "remove one of the two")
        for name in sorted({name for name in header if header.count(name) > 1})
    ]
    return missing + unknown + twice
