"""Tables put together: rows of an import over the rows of a district, and tables as CSV again.

Input: tables.
Output: tables with rows that keep their file and line; text.
Not responsible for: the values of cells.
Rejects: nothing.
"""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from config.boundaries import Boundaries
from config.register_rows import KEYS, OPTIONAL_COLUMNS, OPTIONAL_TABLES, TABLES
from config.tables import Row, Table


@dataclass(frozen=True, slots=True)
class Merge:
    """One table after an import, and its changes."""

    table: Table
    added: int
    changed: int
    unchanged: int


def merge(name: str, before: Table, incoming: Table) -> Merge:
    """Return the rows of `before` with those of `incoming` in the place of rows with the same key, or behind them.

    A key twice in `incoming` stays twice, so that the check of the whole refuses it.
    """
    key = KEYS[name]
    places = {tuple(row[column] for column in key): i for i, row in enumerate(before.rows)}
    rows, taken = list(before.rows), set[int]()
    changed = unchanged = 0
    for row in incoming.rows:
        place = places.get(tuple(row[column] for column in key))
        if place is None or place in taken:
            rows.append(row)
            continue
        taken.add(place)
        is_same = rows[place].cells == row.cells
        unchanged, changed = unchanged + is_same, changed + (not is_same)
        rows[place] = row
    table = Table(incoming.file, rows, [*before.problems, *incoming.problems])
    return Merge(table, len(rows) - len(before.rows), changed, unchanged)


def with_grids(assets: Table, boundaries: Boundaries) -> Table:
    """Return `assets` with the grid of its place in each empty `region`; a place in no grid is a problem."""
    wanted = [i for i, row in enumerate(assets.rows) if not row["region"]]
    places = [_place(assets.rows[i]) for i in wanted]
    grids = boundaries.grids_of([place[0] for place in places], [place[1] for place in places])
    rows, problems = list(assets.rows), list(assets.problems)
    for i, grid in zip(wanted, grids, strict=True):
        row = rows[i]
        rows[i] = Row(row.file, row.line, {**row.cells, "region": grid})
        if not grid:
            place = f"{row['latitude']} N {row['longitude']} E in none"
            remedy = "correct the coordinates, write the grid, or import the polygon that is missing"
            problems.append(row.problem("region", expected="a place in a grid", got=place, remedy=remedy))
    return Table(assets.file, rows, problems)


def columns_of(name: str) -> tuple[str, ...]:
    """Return every column that the file called `name` can have."""
    return (*{**TABLES, **OPTIONAL_TABLES}[name], *OPTIONAL_COLUMNS.get(name, ()))


def csv_text(name: str, rows: Sequence[Row]) -> str:
    """Return `rows` as CSV; optional columns only where a row has something in them."""
    optional = OPTIONAL_COLUMNS.get(name, ())
    used = [column for column in columns_of(name) if column not in optional or any(row[column] for row in rows)]
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(used)
    writer.writerows([row[column] for column in used] for row in rows)
    return text.getvalue()


def differences(merges: Mapping[str, Merge]) -> list[str]:
    """Return one line a table: added and changed rows."""
    return [f"{name}: {m.added} added, {m.changed} changed, {m.unchanged} unchanged" for name, m in merges.items()]


def _place(row: Row) -> tuple[float, float]:
    """Return longitude and latitude; outside every grid where they are no numbers: the check of the row says so."""
    try:
        return float(row["longitude"]), float(row["latitude"])
    except ValueError:
        return 1e6, 1e6
