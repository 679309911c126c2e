"""Climatology: the usual range by month and hour, of all sensors of a quantity or of one sensor.

Input: the rows of `climatology.csv`.
Output: `UsualRange` values, and problems.
Not responsible for: opening files, and checking readings.
Rejects: ranges that overlap, are empty or lie outside the quantity.

A usual range belongs to a place. No such file is packaged.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from config.csv_cells import Cells, close_name
from config.errors import Problem
from config.quantities import Quantity
from config.tables import Row, Table

COLUMNS = (
    "quantity",
    "sensor",
    "first_month",
    "last_month",
    "first_hour",
    "last_hour",
    "low",
    "high",
    "source",
)
"""Columns of the file. Months and hours stand in cells of their own: a spreadsheet makes a date of `5-9`."""

KEY = COLUMNS[:6]
"""The columns that name a row."""


@dataclass(frozen=True, slots=True)
class UsualRange:
    """Between these values readings are usual in these months at these hours; the limits themselves are."""

    quantity: str
    """Of all its sensors; empty where `sensor` is named."""
    sensor: str
    """Of this one; its ranges come before those of its quantity. Empty where `quantity` is named."""
    months: tuple[int, ...]
    """1 to 12, local time."""
    hours: tuple[int, ...]
    """0 to 23, local time; 5 means from 05:00 until before 06:00."""
    low: float
    """Canonical unit."""
    high: float
    source: str
    """Where the numbers come from."""


def usual_ranges(
    table: Table, sensors: Mapping[str, Row] | None, quantities: Mapping[str, Quantity], problems: list[Problem]
) -> tuple[UsualRange, ...]:
    """Return the ranges of `table`; its mistakes are added to `problems`.

    Args:
        table: the rows of the file.
        sensors: rows of sensors.csv by id; None where it could not be read.
        quantities: the catalogue by name.
        problems: of the whole district.
    """
    found = []
    taken: dict[tuple[str, str, int, int], Row] = {}
    for row in table.rows:
        cells = Cells(row, problems)
        quantity = _target(cells, sensors, quantities)
        each = UsualRange(
            row["quantity"],
            row["sensor"],
            _cycle(cells, "month", 1, 12),
            _cycle(cells, "hour", 0, 23),
            *_limits(cells, quantity),
            cells.name("source"),
        )
        _check_once(each, cells, taken)
        found.append(each)
    return tuple(found)


def _target(cells: Cells, sensors: Mapping[str, Row] | None, quantities: Mapping[str, Quantity]) -> Quantity | None:
    """Return the quantity that the row speaks of; None where that is not known."""
    name, sensor = cells.row["quantity"], cells.row["sensor"]
    if bool(name) == bool(sensor):
        got = f"{name} and {sensor}" if name else "neither"
        remedy = "write the quantity for all its sensors, or one sensor, and leave the other cell empty"
        cells.refuse("quantity", expected="a quantity or a sensor", got=got, remedy=remedy)
        return None
    if sensor:
        found = cells.reference("sensor", sensors, "sensors")
        return quantities.get(found["quantity"]) if found is not None else None
    if name not in quantities:
        remedy = close_name(name, quantities, "see docs/quantities.md")
        cells.refuse("quantity", expected="a name of the catalogue of quantities", remedy=remedy)
    return quantities.get(name)


def _cycle(cells: Cells, unit: str, first: int, last: int) -> tuple[int, ...]:
    """Return the months or hours from the one cell to the other, over the turn of the year or of the day."""
    columns = (f"first_{unit}", f"last_{unit}")
    given = [cells.row[column] for column in columns]
    every = tuple(range(first, last + 1))
    if not any(given):
        return every
    for column, text in zip(columns, given, strict=True):
        if not (text.isascii() and text.isdigit() and first <= int(text) <= last):
            remedy = f"write both ends, which count, or empty both for every {unit}"
            cells.refuse(column, expected=f"a whole {unit} from {first} to {last}", remedy=remedy)
            return every
    begin, end = map(int, given)
    return tuple(each for each in every if (begin <= each <= end if begin <= end else not end < each < begin))


def _limits(cells: Cells, quantity: Quantity | None) -> tuple[float, float]:
    """Return low and high, both within the range of an instrument."""
    bottom, top = (quantity.low, quantity.high) if quantity else (-1e300, 1e300)
    unit = quantity.unit if quantity else "the canonical unit"
    expected = f"{bottom:g} to {top:g} {unit}" if quantity else "a number"
    remedy = f"write it in {unit}; beyond that range every reading is flagged anyway"
    low, high = (cells.number(column, bottom, top, expected=expected, remedy=remedy) for column in ("low", "high"))
    if low > high:
        cells.refuse("high", expected=f"at least low ({low:g})", remedy="swap or correct them")
    return low, high


def _check_once(each: UsualRange, cells: Cells, taken: dict[tuple[str, str, int, int], Row]) -> None:
    """Refuse a second range for the same month and hour."""
    for month in each.months:
        for hour in each.hours:
            before = taken.setdefault((each.quantity, each.sensor, month, hour), cells.row)
            if before is not cells.row:
                expected = f"each month and hour of {each.sensor or each.quantity} once (line {before.line} has it)"
                got = f"month {month}, hour {hour} again"
                cells.refuse("first_month", expected=expected, got=got, remedy="make the rows end where others begin")
                return
