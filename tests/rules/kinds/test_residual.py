"""The zone model: leaks and broken devices differ, missing sensors are left out, and lasting changes become usual."""

import random
import re
from pathlib import Path

import numpy as np
import pytest

from collector.batch import Quality
from config.loading import load_quantities
from config.register import Asset, Neighbour, Register, Sensor
from rules.engine import RuleEngine
from rules.kind import BoundRule
from rules.kinds.residual import ResidualOptions
from rules.kinds.residual_fault import ResidualFaultOptions
from rules.loading.loading import load_rules
from rules.rule import Rule, RuleSet
from rules.zones.model import find_residuals
from rules.zones.options import MOST_MEMBERS, ZoneOptions, zones_of
from tests.rules.kinds.case_residual import ZONE, N, register, residual
from tests.rules.small_district import batch, told

LIMIT = 10.0
WARM_S = 300


def district(**zone: object) -> RuleEngine:
    """Return an engine that tells leaks and lone departures of six pressures."""
    zone = {"confirm_at": 8, **zone}
    options = ResidualFaultOptions.model_validate({"zone": {**ZONE, **zone}, "limit": LIMIT, "source": "assumed"})
    drift = Rule("drift", "residual_fault", "drift", "drift", "", "", None, tuple(range(N)), (), options)
    return RuleEngine(RuleSet((residual("leak", **zone), drift), "1"), register())


OPTIONS = (residual("leak").options, ResidualFaultOptions(limit=LIMIT, source="assumed"))


def run(engine: RuleEngine, seconds: range, wrong: dict | None = None, absent: tuple[int, ...] = ()) -> set[tuple]:
    """Return (rule, sensor) of the alarms in `seconds`; `wrong` is added to sensors, `absent` ones are silent."""
    found, dice = set(), random.Random(seconds.start)  # noqa: S311 - the same noise every time
    for second in seconds:
        demand = dice.gauss(0, 1)
        rows = []
        for i in range(N):
            value = 40 + i + demand * (1 + 0.2 * i) + dice.gauss(0, 0.1) + (wrong or {}).get(i, 0.0)
            if i not in absent:
                rows.append((i, second, value))
        for row in told(engine.evaluate(batch(second, rows), 1)):
            key = engine.alarms[row[0]]
            if row[2] == "RAISED":
                found.add((key.rule, key.sensor))
    return found


LEAK = {2: -0.8, 3: -0.5}


def test_residual_of_a_leak_is_called_by_the_sensor_that_departs_most():
    """Two pressures sink together, four say that demand is as ever."""
    engine = district()

    assert (set(), {("leak", 2)}) == (run(engine, range(WARM_S)), run(engine, range(WARM_S, WARM_S + 60), LEAK))


def test_residual_where_each_calls_is_called_by_all_that_depart():
    """Whoever wants them all can have them."""
    engine = district(calls="each")
    run(engine, range(WARM_S))

    assert {("leak", 2), ("leak", 3)} == run(engine, range(WARM_S, WARM_S + 60), LEAK)


def test_residual_of_a_leak_that_lasts_is_called_once():
    """When it has become usual for the whole zone, no sensor raises it again."""
    engine = district()
    run(engine, range(WARM_S))
    first = run(engine, range(WARM_S, WARM_S + 140), LEAK)

    assert ({("leak", 2)}, set(), [0] * 12) == (
        first,
        run(engine, range(WARM_S + 140, WARM_S + 600), LEAK),
        engine.levels().tolist(),
    )


def test_residual_of_a_worse_leak_elsewhere_during_an_event_is_called_there_too():
    """A sensor with twice the sum of the one that leads is not taken for an echo."""
    engine = district(rebaseline_s=600)
    run(engine, range(WARM_S))
    run(engine, range(WARM_S, WARM_S + 60), LEAK)
    worse = {**LEAK, 5: -9.0, 4: -5.0}

    assert {("leak", 5)} == run(engine, range(WARM_S + 60, WARM_S + 120), worse)


@pytest.mark.parametrize("calls", ["leader", "each"])
def test_residual_toward_low_of_a_zone_that_rises_is_learned_in_silence(calls):
    """A leak that was mended is no danger, and a fall from the new level is one."""
    engine = district(calls=calls, toward="low")
    run(engine, range(WARM_S))
    mended = {2: 0.8, 3: 0.5}
    silent = run(engine, range(WARM_S, WARM_S + 400), mended)

    assert (set(), True) == (
        {each for each in silent if each[0] == "leak"},
        ("leak", 2) in run(engine, range(WARM_S + 400, WARM_S + 460)),
    )


def test_residual_of_a_zone_with_two_sensors_that_vary_is_counted():
    """People can see that it is not judged."""
    engine = district()
    run(engine, range(WARM_S), absent=(0, 1, 2, 3))

    assert engine.counts["zone_rows_not_judged", "fewer_than_three_sensors"] > 0


@pytest.mark.parametrize("error", [0.5, -0.5, 20.0], ids=["up", "down", "far"])
def test_residual_of_one_sensor_alone_is_a_device_fault_and_no_danger(error):
    """No other sensor confirms it, however far off it is."""
    engine = district()
    run(engine, range(WARM_S))

    assert {("drift", 4)} == run(engine, range(WARM_S, WARM_S + 60), {4: error})


def test_residual_of_one_sensor_far_and_alone_is_no_danger_though_another_departs_a_little():
    """In a zone somebody always departs; that confirms no device that is wrong, and is confirmed by none."""
    engine = district()
    run(engine, range(WARM_S))

    assert {("drift", 2), ("drift", 4)} == run(engine, range(WARM_S, WARM_S + 60), {4: 20.0, 2: -0.5})


def test_residual_of_one_sensor_far_and_alone_is_counted():
    """A departure without danger does not vanish: eleven rows, in the model of each of two rules."""
    engine = district()
    run(engine, range(WARM_S))
    before = engine.counts["zone_rows_alone", ""]
    run(engine, range(WARM_S, WARM_S + 60), {4: 20.0})

    assert (0, 22) == (before, engine.counts["zone_rows_alone", ""])


def test_residual_of_one_sensor_far_off_is_a_danger_when_another_follows():
    """From the row on in which it is not alone any more."""
    engine = district()
    run(engine, range(WARM_S))
    alone = run(engine, range(WARM_S, WARM_S + 30), {4: 20.0})

    assert ({("drift", 4)}, True) == (
        alone,
        ("leak", 4) in run(engine, range(WARM_S + 30, WARM_S + 60), {4: 20.0, 3: 8.0}),
    )


def test_residual_where_nothing_is_alone_takes_a_far_sensor_for_a_danger():
    """Whoever has one sensor at the place to be watched can have it so."""
    engine = district(alone_at=1e6)
    run(engine, range(WARM_S))

    assert ("leak", 4) in run(engine, range(WARM_S, WARM_S + 60), {4: 20.0, 2: -0.5})


def test_residual_of_a_change_that_all_share_is_nothing():
    """Demand rises for all sensors: the others forecast it."""
    engine = district()
    run(engine, range(WARM_S))

    assert set() == run(engine, range(WARM_S, WARM_S + 60), {i: 1 + 0.2 * i for i in range(N)})


def test_residual_before_its_warm_up_tells_nothing():
    """The usual value is still unknown."""
    assert set() == run(district(), range(180), {2: -0.8, 3: -0.8})


def test_residual_of_a_shift_that_lasts_becomes_usual_and_ends():
    """After the time for it the alarm ends, and stays ended."""
    engine = district()
    run(engine, range(WARM_S))
    run(engine, range(WARM_S, WARM_S + 400), {4: 0.5})

    assert ([0] * 12, set()) == (
        engine.levels().tolist(),
        run(engine, range(WARM_S + 400, WARM_S + 600), {4: 0.5}),
    )


def test_residual_of_a_zone_with_a_silent_sensor_is_judged_without_it():
    """Its place is not filled with a guess."""
    engine = district()
    run(engine, range(WARM_S))

    assert (set(), {("leak", 2)}) == (
        run(engine, range(WARM_S, WARM_S + 60), absent=(0,)),
        run(engine, range(WARM_S + 60, WARM_S + 120), LEAK, absent=(0,)),
    )


def test_residual_of_a_sensor_that_was_never_heard_does_not_stop_the_others():
    """Learning goes on without it."""
    engine = district()
    run(engine, range(WARM_S), absent=(5,))

    assert {("leak", 2)} == run(engine, range(WARM_S, WARM_S + 60), LEAK, absent=(5,))


def test_residual_of_a_clock_that_is_ahead_closes_no_row_early():
    """A time that has not come yet counts as its being received."""
    engine = district()
    run(engine, range(WARM_S))
    engine.evaluate(batch(WARM_S, [(0, WARM_S + 86_400, 40.0)]), 1)

    assert {("leak", 2)} == run(engine, range(WARM_S + 1, WARM_S + 60), LEAK)


@pytest.mark.parametrize("bit", [Quality.SPIKE, Quality.FLAT, Quality.DEVICE_SUSPECT])
def test_residual_of_doubted_readings_leaves_them_out(bit):
    """A spike is no departure, nor is the repeated value of a frozen device while the others go on."""
    engine = district()
    run(engine, range(WARM_S))
    for second in range(WARM_S, WARM_S + 60):
        engine.evaluate(batch(second, [(i, second, 90.0, int(bit)) for i in range(N)]), 1)

    assert not engine.levels().any()


def test_residual_restored_into_a_changed_zone_learns_anew_and_keeps_its_alarms():
    """The forecasts of other members do not count for these; silence about it clears nothing."""
    before = district()
    run(before, range(WARM_S))
    run(before, range(WARM_S, WARM_S + 60), LEAK)
    sensors = register().sensors[:5]
    smaller = Register({}, register().assets, sensors, {}, [])
    rule = residual("leak")
    fewer = Rule("leak", "residual", "leak", "leak", "", "", None, tuple(range(5)), rule.levels, rule.options)
    engine = RuleEngine(RuleSet((fewer,), "1"), smaller)
    engine.restore(before.snapshot())
    levels = engine.levels().tolist()
    for second in range(WARM_S + 60, WARM_S + 90):
        engine.evaluate(batch(second, [(i, second, 40.0 + i) for i in range(5)]), 1)

    assert ([0, 0, 4, 0, 0], levels) == (levels, engine.levels().tolist())


def zone_sizes(by: str, n_sensors: int = 1) -> list[int]:
    """Return the sizes of the zones of four assets: two joined by a pipe, two in each region; so many sensors each."""
    assets = {
        name: Asset(name, "k", "water", name, name, region, 0.0, 0.0)
        for name, region in zip("ABCD", "PPQQ", strict=True)
    }
    names = [name for name in assets for _ in range(n_sensors)]
    sensors = [Sensor(f"{i}", name, f"{i}", "p", "p", 1.0, 0.0, 1.0, 1.0, "") for i, name in enumerate(names)]
    neighbours = {"B": [Neighbour("C", 1.0)], "C": [Neighbour("B", 1.0)]}
    where = Register({}, assets, sensors, {}, [], neighbours=neighbours)
    rule = Rule("r", "residual", "", "", "", "", None, tuple(range(len(sensors))), (), ZoneOptions(by=by))
    return sorted(len(each.members) for each in zones_of([BoundRule(rule, 0)], where, lambda options: (options, 1.0)))


@pytest.mark.parametrize(("by", "expected"), [("region", [2, 2]), ("pipes", [1, 1, 2]), ("all", [4])])
def test_zones_are_made_as_the_rule_says(by, expected):
    """By region, by joining pipes, or all together."""
    assert expected == zone_sizes(by)


def test_zones_that_are_too_large_are_cut_into_equal_parts():
    """The cost of a zone grows with its square."""
    assert (4 * 40 <= 3 * MOST_MEMBERS, [53, 53, 54]) == (True, zone_sizes("all", 40))


def test_departures_of_calm_rows_are_those_of_ridge_regressions_one_by_one():
    """The inverse gives in one step the result of a regression of each sensor on the others."""
    dice = np.random.default_rng(3)
    table = dice.normal(size=(400, 5)) @ dice.normal(size=(5, 5))
    correlation = np.corrcoef(table.T)
    z = dice.normal(size=5) * 0.1
    options = ZoneOptions(ridge=0.2, confirm_at=1e6)
    residual_, score = find_residuals(correlation, z, options, up=np.zeros(5), down=np.zeros(5))
    expected = []
    for i in range(5):
        others = [j for j in range(5) if j != i]
        weight = np.linalg.solve(correlation[np.ix_(others, others)] + 0.2 * np.eye(4), correlation[others, i])
        past = (table - table.mean(axis=0)) / table.std(axis=0)
        expected.append(((z[i] - weight @ z[others]), (past[:, i] - past[:, others] @ weight).std()))

    np.testing.assert_allclose([(a, a / b) for a, b in expected], list(zip(residual_, score, strict=True)), rtol=1e-9)


@pytest.mark.parametrize("options", OPTIONS, ids=["residual", "residual_fault"])
def test_residual_without_a_quantity_is_refused(options):
    """Unlike things, and heartbeats, do not foretell each other."""
    assert [("quantity",)] == [fault.path for fault in options.faults(None, [])]


PAGES = Path(__file__).parents[3] / "docs" / "rules"


@pytest.mark.parametrize(
    ("page", "model"),
    [("residual", ResidualOptions), ("residual", ZoneOptions), ("residual_fault", ResidualFaultOptions)],
)
def test_page_of_residuals_names_every_key(page, model):
    """Whatever such a rule may say is explained."""
    text = (PAGES / f"{page}.md").read_text(encoding="utf-8")

    assert [] == [name for name in model.model_fields if f"`{name}`" not in text]


def test_page_of_residuals_tells_the_defaults():
    """The numbers of the page are those of the program."""
    text = (PAGES / "residual.md").read_text(encoding="utf-8")
    told_there = dict(re.findall(r"^\| `(\w+)` \| ([\d.]+) \|", text, re.MULTILINE))
    expected = {
        name: float(each.default)
        for name, each in ZoneOptions.model_fields.items()
        if isinstance(each.default, int | float)
    }

    assert expected == {name: float(value) for name, value in told_there.items()}


@pytest.mark.parametrize("page", ["residual", "residual_fault"])
def test_page_example_of_residuals_can_be_loaded(page, tmp_path):
    """The example of the page is a rule, and watches every pressure of the district."""
    text = re.search(r"```yaml\n(.*?)```", (PAGES / f"{page}.md").read_text(encoding="utf-8"), re.DOTALL)[1]
    (tmp_path / "rules.yaml").write_text(text, encoding="utf-8")

    assert [(page, tuple(range(N)))] == [
        (rule.kind, rule.sensors) for rule in load_rules(tmp_path, register(), load_quantities())
    ]
