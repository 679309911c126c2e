from dataclasses import replace

import numpy as np
import pytest

from config.city_time import CityTime
from config.errors import ConfigError
from config.loading import load_quantities
from config.register import Asset, Register, Sensor
from rules.engine import RuleEngine
from rules.loading.loading import load_rules
from tests.rules.small_district import batch, told

HOUR = 3600
JULY_31 = int(np.datetime64("2026-07-30T16:00:00", "s").astype(int))
"""Midnight in China before the last day of the season, UTC seconds."""

RULE = """
rules:
  - id: summer.gas
    kind: threshold
    quantity: methane
    active: {{from: "{first}", to: "{last}"}}
    title: {{zh: 甲烷, en: Methane}}
    advice: {{zh: 请检测, en: Go and measure}}
    side: high
    levels:
      - {{level: yellow, limit: 5, deadband: 1, on_delay_s: {delay}, source: assumed for this test}}
"""


def district(**sensor):
    """Return one manhole with methane each hour."""
    asset = Asset("G", "gas_manhole", "gas", "G", "G", "R", 0.0, 0.0)
    one = Sensor("G.ch4", "G", "D", "ch4", "methane", 1.0, 0.0, 3600.0, 4 * 3600.0, "", **sensor)
    return Register({}, {"G": asset}, [one], {}, [])


def engine_of(tmp_path, first="06-01", last="07-31", delay=0):
    """Return the engine of one seasonal rule."""
    (tmp_path / "rules.yaml").write_text(RULE.format(first=first, last=last, delay=delay), encoding="utf-8")
    return RuleEngine(load_rules(tmp_path, district(), load_quantities()), district())


def play(engine, values, start_s):
    """Return (hour, transition, level) of one value an hour."""
    rows = [(0, start_s + HOUR * i, value) for i, value in enumerate(values)]
    return [(round((time - start_s) / HOUR), what, after) for _, time, what, _, after, _ in told(_one(engine, rows))]


def _one(engine, rows):
    return engine.evaluate(batch(rows[-1][1], rows), 1)


def test_season_that_is_over_begins_nothing(tmp_path):
    """The last hour of the last day counts, local time; the first of the next does not."""
    engine = engine_of(tmp_path)

    assert [(23, "RAISED", 3), (24, "CLEARED", 0)] == play(engine, [0] * 23 + [9, 0, 9, 9], JULY_31)


def test_season_that_ends_during_an_alarm_leaves_it_to_the_values(tmp_path):
    """The calendar clears nothing; the first good value does."""
    assert [(22, "RAISED", 3), (30, "CLEARED", 0)] == play(engine_of(tmp_path), [0] * 22 + [9] * 8 + [0, 9, 9], JULY_31)


def test_season_that_ends_during_a_delay_lets_it_end(tmp_path):
    """A delay that began in the season goes on."""
    assert [(25, "RAISED", 3)] == play(engine_of(tmp_path, delay=7200), [0] * 23 + [9] * 4, JULY_31)


def test_season_over_the_new_year_holds_in_both_of_its_parts(tmp_path):
    """From November to July is everything but the autumn."""
    assert [(24, "CLEARED", 0)] == play(engine_of(tmp_path, "11-01", "07-31"), [9] * 24 + [0, 9], JULY_31)[1:]


def test_season_of_a_batch_cut_anywhere_tells_the_same(tmp_path):
    """The season belongs to each reading."""
    values = [0] * 20 + [9] * 6 + [0] * 3 + [9] * 3
    whole = play(engine_of(tmp_path), values, JULY_31)
    for cut in range(1, len(values)):
        engine = engine_of(tmp_path)
        rows = [(0, JULY_31 + HOUR * i, value) for i, value in enumerate(values)]
        received = rows[-1][1]
        parts = [told(engine.evaluate(batch(received, part), i + 1)) for i, part in enumerate([rows[:cut], rows[cut:]])]
        flat = [(round((time - JULY_31) / HOUR), what, after) for part in parts for _, time, what, _, after, _ in part]
        assert whole == flat


@pytest.mark.parametrize("day", ["13-01", "02-30", "5-1", "summer"])
def test_season_of_no_day_is_refused(tmp_path, day):
    """A day that does not exist is reported with the expected form."""
    with pytest.raises(ConfigError, match="MM-DD"):
        engine_of(tmp_path, first=day)


@pytest.mark.parametrize(("zone", "is_over"), [("Asia/Shanghai", True), ("Europe/Berlin", False), ("UTC", False)])
def test_season_is_of_the_standard_time_of_the_city(tmp_path, zone, is_over):
    """The first of August begins in China at 16:00 UTC, while July goes on in Europe."""
    (tmp_path / "rules.yaml").write_text(RULE.format(first="06-01", last="07-31", delay=0), encoding="utf-8")
    register = replace(district(), city=CityTime(zone))
    [rule] = load_rules(tmp_path, register, load_quantities()).rules
    at_ns = np.array([(JULY_31 + 24 * HOUR + 60) * 10**9])

    assert [not is_over] == rule.season.holds(at_ns).tolist()


@pytest.mark.parametrize(("written", "hours"), [("", 5.75), (", utc_offset_h: -3", -3)])
def test_season_whose_offset_is_written_keeps_it(tmp_path, written, hours):
    """The written offset of a rule author counts more than the city."""
    text = RULE.replace('to: "{last}"', f'to: "{{last}}"{written}').format(first="06-01", last="07-31", delay=0)
    (tmp_path / "rules.yaml").write_text(text, encoding="utf-8")
    register = replace(district(), city=CityTime("Asia/Kathmandu"))
    [rule] = load_rules(tmp_path, register, load_quantities()).rules

    assert hours == rule.season.utc_offset_h


@pytest.mark.parametrize(("written", "hours"), [("", 5.75), ("    utc_offset_h: 2\n", 2)])
def test_rule_that_reads_a_clock_has_that_of_the_city(tmp_path, written, hours):
    """A kind with hours of its own takes the city's standard time unless an offset is written."""
    text = f"""
rules:
  - id: night.gas
    kind: deviation
    quantity: methane
    title: {{zh: 甲烷, en: Methane}}
    advice: {{zh: 请检测, en: Go and measure}}
    direction: rise
{written}    levels:
      - {{level: yellow, limit: 5, deadband: 1, on_delay_s: 0, source: assumed for this test}}
"""
    (tmp_path / "rules.yaml").write_text(text, encoding="utf-8")
    register = replace(district(), city=CityTime("Asia/Kathmandu"))
    [rule] = load_rules(tmp_path, register, load_quantities()).rules

    assert hours == rule.options.utc_offset_h


@pytest.mark.parametrize(("asked", "design", "n"), [("true", 8.0, 1), ("true", None, 0), ("false", None, 1)])
def test_where_design_binds_those_with_a_design_value_or_without(tmp_path, asked, design, n):
    """Absolute limits for whoever has no design value, shares of it for the others."""
    pack = RULE.format(first="01-01", last="12-31", delay=0).replace(
        "    quantity", f"    where: {{design: {asked}}}\n    quantity"
    )
    (tmp_path / "rules.yaml").write_text(pack, encoding="utf-8")
    if n == 0:
        with pytest.raises(ConfigError, match="at least one sensor"):
            load_rules(tmp_path, district(design=design), load_quantities())
    else:
        assert [(0,)] == [rule.sensors for rule in load_rules(tmp_path, district(design=design), load_quantities())]


@pytest.mark.parametrize("key", ["beside", "without"])
@pytest.mark.parametrize(("thermometers", "bound"), [([], 0), (["D"], 1), (["E"], 1), (["E", "F"], 0), (["D", "F"], 1)])
def test_where_beside_binds_those_with_one_such_sensor_and_without_the_others(tmp_path, thermometers, bound, key):
    """One of the same device, or else only one of the asset: the possible partner of a sensor."""
    bound = bound if key == "beside" else 1 - bound
    plain = district()
    beside = [Sensor(f"{d}.t", "G", d, "t", "temperature", 1.0, 0.0, 60.0, 180.0, "") for d in thermometers]
    register = Register({}, plain.assets, [*plain.sensors, *beside], {}, [])
    text = RULE.format(first="01-01", last="12-31", delay=0)
    (tmp_path / "rules.yaml").write_text(
        text.replace("    quantity", f"    where: {{{key}: [temperature]}}\n    quantity"), encoding="utf-8"
    )
    if bound == 0:
        with pytest.raises(ConfigError, match="at least one sensor"):
            load_rules(tmp_path, register, load_quantities())
    else:
        assert [(0,)] == [rule.sensors for rule in load_rules(tmp_path, register, load_quantities())]


@pytest.mark.parametrize(("level", "is_watched"), [("", False), ("blue", False), ("orange", True), ("red", True)])
def test_where_watch_binds_those_on_the_watch_list(tmp_path, level, is_watched):
    """A listed hazard point of orange or red may have tighter rules."""
    plain = district()
    asset = Asset("G", "gas_manhole", "gas", "G", "G", "R", 0.0, 0.0, risk_level=level)
    register = Register({}, {"G": asset}, plain.sensors, {}, [])
    text = RULE.format(first="01-01", last="12-31", delay=0)
    asked = str(is_watched).lower()
    (tmp_path / "rules.yaml").write_text(
        text.replace("    quantity", f"    where: {{watch: {asked}}}\n    quantity"), encoding="utf-8"
    )

    assert [(0,)] == [rule.sensors for rule in load_rules(tmp_path, register, load_quantities())]
