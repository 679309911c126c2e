import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.tables import parse_table

COLUMNS = ("id", "name")
COMMAS = "add or remove commas; put a cell that contains a comma in double quotes"
SEPARATOR = "save the file with commas between the cells"
QUOTES = "check the quotes around this line; a quote inside a cell is written twice"


def test_table_rows_know_their_lines_across_quoted_line_breaks() -> None:
    """A row's line is where it begins, also behind a cell that spans lines and behind empty lines."""
    table = parse_table('id,name\n1,"a\nb"\n\n2, c \n', "t.csv", COLUMNS)

    assert [(2, {"id": "1", "name": "a\nb"}), (5, {"id": "2", "name": "c"})] == [
        (row.line, row.cells) for row in table.rows
    ]


def test_table_columns_in_another_order_are_found_by_name() -> None:
    """The header decides which cell is which."""
    assert "1" == parse_table("name,id\na,1\n", "t.csv", COLUMNS).rows[0]["id"]


@pytest.mark.parametrize(
    ("text", "messages"),
    [
        ("", ["t.csv:1 (header): expected id,name, got an empty file; write this line first"]),
        ("id\n1\n", ["t.csv:1 name: expected this column, got no such column; the header must name id, name"]),
        ("id,name,x\n", ["t.csv:1 x: expected one of id, name, got an unknown column; remove or rename it"]),
        ("id,name,id\n", ["t.csv:1 id: expected the column once, got it again; remove one of the two"]),
        (
            "id;name\n1;a\n",
            [f"t.csv:1 (header): expected id,name, got another separator than a comma; {SEPARATOR}"],
        ),
        (
            "id,name\n1\n2,a,b\n3,c\n",
            [
                f"t.csv:2 (row): expected 2 cells, got 1; {COMMAS}",
                f"t.csv:3 (row): expected 2 cells, got 3; {COMMAS}",
            ],
        ),
        (
            'id,name\n1,"a" b\n',
            [f"t.csv:2 (row): expected CSV, got ',' expected after '\"'; {QUOTES}"],
        ),
    ],
    ids=["empty", "missing column", "unknown column", "column twice", "semicolons", "widths", "quotes"],
)
def test_table_broken_text_says_where_and_what_to_do(text: str, messages: list[str]) -> None:
    """Each fault of the text is one problem with file, line, place, expected, got and remedy."""
    assert messages == [str(problem) for problem in parse_table(text, "t.csv", COLUMNS).problems]


def test_table_with_a_broken_header_is_not_readable() -> None:
    """Without a header the absence of a row proves nothing, and the table says so."""
    assert not parse_table("id\n1\n", "t.csv", COLUMNS).is_readable


@given(st.text(max_size=200))
def test_table_any_text_never_raises(text: str) -> None:
    """Whatever the text, there are rows and problems and no exception."""
    table = parse_table(text, "t.csv", COLUMNS)

    assert table.rows or table.problems or table.is_readable


@given(st.lists(st.tuples(st.text(min_size=1), st.text(min_size=1)), max_size=20))
def test_table_written_rows_come_back_stripped(rows: list[tuple[str, str]]) -> None:
    """What the csv module writes is read back, cell by cell, without the space around."""
    rows = [row for row in rows if any(cell.strip() for cell in row)]
    stream = io.StringIO(newline="")
    csv.writer(stream).writerows([COLUMNS, *rows])

    table = parse_table(stream.getvalue(), "t.csv", COLUMNS)

    assert [(a.strip(), b.strip()) for a, b in rows] == [(row["id"], row["name"]) for row in table.rows]
