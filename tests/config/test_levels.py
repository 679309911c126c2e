from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from config.levels import NO_LEVEL, WarningLevel

LEVELS = st.sampled_from(WarningLevel)


def test_levels_five_ordered_match_the_table_of_the_city() -> None:
    """The five levels carry the names of the five colour warning scale, lowest to highest."""
    names = [(level.key, level.zh, level.colour_zh) for level in sorted(WarningLevel)]

    assert [
        ("green", "低风险", "绿"),
        ("blue", "较低风险", "蓝"),
        ("yellow", "一般风险", "黄"),
        ("orange", "较大风险", "橙"),
        ("red", "重大风险", "红"),
    ] == names


@given(LEVELS, LEVELS, LEVELS)
def test_levels_any_three_are_totally_ordered(a: WarningLevel, b: WarningLevel, c: WarningLevel) -> None:
    """Exactly one of <, =, > holds for two levels, and the order is transitive."""
    assert [a < b, a == b, a > b].count(True) == 1
    assert not (a <= b <= c) or a <= c


@given(st.lists(LEVELS, min_size=1))
def test_levels_worst_of_any_list_is_the_one_nearest_to_red(levels: list[WarningLevel]) -> None:
    """The maximum of levels is the colour that comes last on the scale."""
    scale = ["green", "blue", "yellow", "orange", "red"]

    assert max(scale.index(level.key) for level in levels) == scale.index(max(levels).key)


@given(LEVELS)
def test_levels_each_is_above_no_level_and_round_trips(level: WarningLevel) -> None:
    """No level equals "no level", and number and name give the level back."""
    assert level > NO_LEVEL
    assert level is WarningLevel(int(level))
    assert level is WarningLevel[level.key.upper()]


def test_levels_each_text_names_one_level_only() -> None:
    """Every name and colour is unique, so that a message cannot be read as another level."""
    for attribute in ("key", "zh", "colour_zh", "en", "hex"):
        texts = [getattr(level, attribute) for level in WarningLevel]
        assert len(set(texts)) == len(texts)


def test_levels_numbers_leave_no_gap() -> None:
    """Levels are consecutive integers, so that a level column can be compared and subtracted."""
    assert all(above - below == 1 for below, above in pairwise(sorted(WarningLevel)))
