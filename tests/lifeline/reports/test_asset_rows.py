import numpy as np
import pytest

from config.levels import WarningLevel
from lifeline.reports.asset_rows import count_levels, list_asset_rows
from lifeline.rules_stage.live_state import LiveState
from rules.events import AlarmKey, Dimension

ALARMS = (
    AlarmKey("zero", 0, Dimension.HAZARD, "zero/FT-1.pressure"),
    AlarmKey("stale", 0, Dimension.HEALTH, "stale/FT-1.pressure"),
    AlarmKey("zero", 2, Dimension.HAZARD, "zero/FT-2.pressure"),
)


def _board(levels, health):
    n_sensors = len(health)
    last = (np.zeros(n_sensors), np.ones(n_sensors, np.int64), np.zeros(n_sensors, np.uint16))
    return LiveState(1, 1, np.array(levels, np.int8), np.array(health, np.uint8), *last)


@pytest.mark.parametrize(
    ("levels", "health", "level", "state"),
    [
        ([4, 0, 0], [1, 1, 1, 1], WarningLevel.ORANGE, "ok"),
        ([4, 1, 0], [2, 2, 1, 1], WarningLevel.ORANGE, "blind"),
        ([0, 1, 0], [2, 1, 1, 1], WarningLevel.GREEN, "blind"),
        ([0, 0, 0], [1, 2, 1, 1], WarningLevel.GREEN, "partial"),
        ([0, 0, 0], [1, 0, 1, 1], WarningLevel.GREEN, "ok"),
        ([0, 0, 0], [0, 1, 1, 1], None, "unprotected"),
        ([0, 0, 0], [1, 1, 1, 1], WarningLevel.GREEN, "ok"),
        ([0, 0, 0], [0, 0, 1, 1], None, "unprotected"),
    ],
)
def test_asset_rows_hazard_and_health_stay_apart(register, levels, health, level, state):
    """A blind orange stays orange; a blind sensor raises no level; an asset that never sent is not green."""
    row = next(row for row in list_asset_rows(register, ALARMS, _board(levels, health)) if row.asset.id == "T-1")
    assert (level, state) == (row.level, row.health)


def test_asset_rows_order_highest_level_first(register):
    """The worst asset is on top."""
    rows = list_asset_rows(register, ALARMS, _board([0, 0, 4], [1, 1, 1, 1]))
    assert ["T-2", "T-1"] == [row.asset.id for row in rows]


def test_asset_rows_asset_without_rule_has_no_level(register):
    """An asset that no hazard rule watches is not called green."""
    rows = list_asset_rows(register, ALARMS[:2], _board([0, 0], [1, 1, 1, 1]))
    assert [("T-1", True, WarningLevel.GREEN), ("T-2", False, None)] == [
        (row.asset.id, row.watched, row.level) for row in rows
    ]


def test_level_counts_covers_every_level(register):
    """Each level has a count, highest first, and assets without a level are counted too."""
    counts = count_levels(list_asset_rows(register, ALARMS, _board([5, 0, 0], [1, 1, 0, 0])))
    assert [1, 0, 0, 0, 0, 1] == list(counts.values())


def test_level_counts_green_that_fell_silent_is_not_green(register):
    """A tower with silent sensors is not counted among the green ones."""
    counts = count_levels(list_asset_rows(register, ALARMS, _board([0, 1, 0], [2, 1, 1, 1])))
    assert (1, 1) == (counts[WarningLevel.GREEN], counts[None])


def test_level_counts_orange_that_fell_silent_stays_orange(register):
    """A danger that is no longer heard of is still a danger."""
    counts = count_levels(list_asset_rows(register, ALARMS, _board([4, 1, 0], [2, 2, 1, 1])))
    assert 1 == counts[WarningLevel.ORANGE]


def test_asset_rows_risk_counts_sensors_and_not_rules(register):
    """A sensor that two rules look at was heard once."""
    alarms = (*ALARMS, AlarmKey("low", 0, Dimension.HAZARD, "low/FT-1.pressure"))
    rows = list_asset_rows(register, alarms, _board([0, 0, 0, 0], [1, 1, 1, 1]))

    assert {(WarningLevel.GREEN, (1,))} == {(row.risk.level, row.risk.why[0].numbers) for row in rows}


def test_asset_rows_risk_of_a_silent_orange_is_orange_and_says_so(register):
    """The level stays, with the reason that no sensor confirms it now."""
    row = list_asset_rows(register, ALARMS, _board([4, 1, 0], [2, 2, 1, 1]))[0]

    assert (WarningLevel.ORANGE, ["stands", "last_known"]) == (row.risk.level, [each.code for each in row.risk.why])
