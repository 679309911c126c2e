import re
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from config.climatology import COLUMNS, UsualRange, usual_ranges
from config.errors import ConfigError, Problem
from config.loading import load_quantities, load_register
from config.quantities import Quantity
from config.settings import packaged_district
from config.tables import Row, parse_table

HEADER = ",".join(COLUMNS)
SENSORS = {"F-1.t": Row("sensors.csv", 2, {"id": "F-1.t", "quantity": "temperature"})}


@pytest.fixture(scope="module")
def quantities() -> Mapping[str, Quantity]:
    """The packaged catalogue."""
    return load_quantities()


def read(rows: str, quantities: Mapping[str, Quantity]) -> tuple[tuple[UsualRange, ...], list[Problem]]:
    """Return the ranges of `rows` and what is wrong with them."""
    problems: list[Problem] = []
    table = parse_table(f"{HEADER}\n{rows}", "climatology.csv", COLUMNS)
    return usual_ranges(table, SENSORS, quantities, problems), problems


def test_usual_ranges_row_of_a_quantity(quantities: Mapping[str, Quantity]) -> None:
    """Beginning and end count."""
    ranges, problems = read("temperature,,6,8,5,6,12,44,station\n", quantities)

    assert [] == problems
    assert (UsualRange("temperature", "", (6, 7, 8), (5, 6), 12.0, 44.0, "station"),) == ranges


def test_usual_ranges_turn_over_the_year_and_the_day(quantities: Mapping[str, Quantity]) -> None:
    """Winter is November to February, night is 22 to 1."""
    ranges, problems = read(",F-1.t,11,2,22,1,-5,20,station\n", quantities)

    assert [] == problems
    assert ((1, 2, 11, 12), (0, 1, 22, 23)) == (ranges[0].months, ranges[0].hours)


def test_usual_ranges_without_months_and_hours_are_of_all(quantities: Mapping[str, Quantity]) -> None:
    """Empty cells are every month and every hour."""
    ranges, _ = read("temperature,,,,,,-5,40,station\n", quantities)

    assert (tuple(range(1, 13)), tuple(range(24))) == (ranges[0].months, ranges[0].hours)


def test_usual_ranges_of_seasons_side_by_side_are_right(quantities: Mapping[str, Quantity]) -> None:
    """One season may begin where the other has ended, and a sensor may say it again for itself."""
    rows = "temperature,,6,9,,,12,44,s\ntemperature,,10,5,,,-5,36,s\n,F-1.t,,,,,0,30,s\n"

    assert [] == read(rows, quantities)[1]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("temperature,F-1.t,,,,,0,1,s", "quantity: expected a quantity or a sensor, got temperature and F-1.t"),
        (",,,,,,0,1,s", "quantity: expected a quantity or a sensor, got neither"),
        ("temprature,,,,,,0,1,s", "did you mean temperature?"),
        (",F-1.x,,,,,0,1,s", "sensor: expected an id of sensors.csv, got 'F-1.x'; did you mean F-1.t?"),
        ("temperature,,13,2,,,0,1,s", "first_month: expected a whole month from 1 to 12, got '13'"),
        ("temperature,,1,,,,0,1,s", "last_month: expected a whole month from 1 to 12, got nothing"),
        ("temperature,,,,0,24,0,1,s", "last_hour: expected a whole hour from 0 to 23, got '24'"),
        ("temperature,,,,0.5,2,0,1,s", "first_hour: expected a whole hour"),
        ("temperature,,,,,,5,1,s", "high: expected at least low (5), got '1'; swap or correct them"),
        ("temperature,,,,,,nan,1,s", "low: expected"),
        ("temperature,,,,,,0,9999,s", "high: expected"),
        ("temperature,,,,,,0,1,", "source: expected"),
        ("temperature,,6,9,,,0,9,s\ntemperature,,9,1,,,0,9,s", "climatology.csv:3 first_month: expected each month"),
        ("temperature,,6,9,,,0,9,s\ntemperature,,9,1,,,0,9,s", "(line 2 has it), got month 9, hour 0 again"),
    ],
)
def test_usual_ranges_wrong_row_says_where_and_what_to_do(
    quantities: Mapping[str, Quantity], row: str, message: str
) -> None:
    """File, line, what was expected, what is there, and the remedy."""
    problems = read(f"{row}\n", quantities)[1]

    assert re.search(re.escape(message), "\n".join(map(str, problems)))


def test_load_register_of_a_district_has_its_usual_ranges(tmp_path: Path, quantities: Mapping[str, Quantity]) -> None:
    """The file lies beside the others; without it nothing is usual."""
    district = tmp_path / "district"
    shutil.copytree(packaged_district(), district)
    without = load_register(district, quantities).usual_ranges
    (district / "climatology.csv").write_text(f"{HEADER}\ntemperature,,6,9,,,12,44,station\n", encoding="utf-8")

    assert ((), 1) == (without, len(load_register(district, quantities).usual_ranges))


def test_load_register_wrong_range_names_file_and_line(tmp_path: Path, quantities: Mapping[str, Quantity]) -> None:
    """As in every other file of the district."""
    district = tmp_path / "district"
    shutil.copytree(packaged_district(), district)
    (district / "climatology.csv").write_text(f"{HEADER}\ntemprature,,6,9,,,12,44,station\n", encoding="utf-8")

    with pytest.raises(ConfigError, match=r"climatology.csv:2 quantity: .* did you mean temperature"):
        load_register(district, quantities)
