import numpy as np
import pytest

from config.loading import load_quantities, load_register
from config.settings import packaged_district
from lifeline.reports.coverage import Grouping, count_coverage, count_whole_city, format_coverage
from lifeline.rules_stage.live_state import ALIVE, BLIND, UNSEEN

HEALTH = np.array([ALIVE, BLIND, UNSEEN, ALIVE], np.uint8)


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        (Grouping.ASSET, [("T-1", 1, 1, 0), ("T-2", 1, 0, 1)]),
        (Grouping.DOMAIN, [("fire", 2, 1, 1)]),
        (Grouping.STREET, [("", 2, 1, 1)]),
    ],
)
def test_coverage_counts_sensors_of_each_group(register, by, expected):
    """Alive, blind and never seen are three numbers, whatever they are summed over."""
    rows = count_coverage(register, HEALTH, by)

    assert expected == [(row.id, row.alive, row.blind, row.unseen) for row in rows]


def test_coverage_asset_counts_as_covered_only_with_every_sensor(register):
    """One silent sensor leaves its asset uncovered."""
    row = count_whole_city(register, np.array([ALIVE, ALIVE, ALIVE, BLIND], np.uint8))

    assert (2, 1, 0.5) == (row.assets, row.assets_alive, row.share)


def test_coverage_demo_by_street_sums_to_the_whole():
    """Every asset stands in one street, and no sensor is counted twice."""
    register = load_register(packaged_district(), load_quantities())
    health = np.arange(len(register.sensors), dtype=np.uint8) % 3
    rows = count_coverage(register, health, Grouping.STREET)

    assert "" not in {row.id for row in rows}
    assert len(register.sensors) == sum(row.sensors for row in rows)
    assert count_whole_city(register, health).alive == sum(row.alive for row in rows)


def test_coverage_worst_group_comes_first(register):
    """The report begins with the lowest coverage."""
    rows = count_coverage(register, np.array([ALIVE, ALIVE, UNSEEN, UNSEEN], np.uint8), Grouping.ASSET)

    assert ["T-2", "T-1"] == [row.id for row in rows]


def test_coverage_lines_say_share_and_name(register):
    """A line of the report has counts, share and both names."""
    lines = list(format_coverage(count_coverage(register, HEALTH, Grouping.ASSET)))

    assert "       1       1       0       1     0.0%  T-1 T-1号楼 / Tower T-1" == lines[1]
