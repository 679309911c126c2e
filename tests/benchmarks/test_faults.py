"""What is counted of faults in made-up recordings: hazards that are their own, and what is recognised."""

import numpy as np
import pytest

from benchmarks.warning_quality.episodes import Alarm
from benchmarks.warning_quality.faults import Verdict, judged, lines, listened, verdict
from benchmarks.warning_quality.injection import Fault, FaultKind, Plan, inject
from benchmarks.warning_quality.replay import Recording, Replayed, quantity, register_of, sensor

MINUTE = 60_000_000_000
LEVEL = quantity("level", -1000.0, 1000.0, 3)
PLAN = Plan(3, 60)
RULE = """
rules:
  - id: site.high
    kind: threshold
    quantity: level
    title: {zh: 高, en: High}
    advice: {zh: 看, en: Look}
    side: high
    levels:
      - {level: blue, limit: 14, deadband: 0.5, on_delay_s: 0, source: assumed for this test}
"""
FROZEN = Fault(FaultKind.STUCK, (0,), 10, 20, 30)
KINDS = {"site.high": "threshold", "health.frozen": "flat", "health.silent": "stale"}


def _recording(n_sensors: int = 2) -> Recording:
    rng = np.random.default_rng(3)
    value = np.round(10 + 0.5 * rng.standard_normal((2000, n_sensors)), 3)
    time_ns = np.arange(2000, dtype=np.int64) * MINUTE
    sensors = [sensor(f"A{i}", f"D{i}", "x", LEVEL, 60.0, 600.0) for i in range(n_sensors)]
    register = register_of("site", sensors)
    return Recording("made", register, {"level": LEVEL}, time_ns, value, (), (500 * MINUTE, 1999 * MINUTE))


def _alarm(key: str, *steps: tuple[int, int]) -> Alarm:
    parts = tuple((minute * MINUTE, level) for minute, level in steps)
    return Alarm(key.split("/")[1], parts[0][0], parts[-1][0], parts, key)


def _said(hazards=(), faults=()) -> Replayed:
    from collections import Counter

    return Replayed(tuple(hazards), tuple(faults), Counter())


@pytest.fixture
def rules(tmp_path):
    """Return a file with one limit."""
    path = tmp_path / "site.yaml"
    path.write_text(RULE, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("without", "with_it", "expected"),
    [
        ((), ((12, 2), (15, 0)), 1),
        ((), ((25, 2), (40, 0)), 1),
        ((), ((31, 2), (40, 0)), 0),
        (((11, 2), (13, 0)), ((12, 2), (15, 0)), 0),
        (((5, 2), (13, 0)), ((5, 2), (12, 3), (15, 0)), 1),
        (((1, 2), (9, 0)), ((12, 2), (15, 0)), 1),
        ((), ((9, 2), (40, 0)), 0),
    ],
    ids=["within", "aftermath", "later", "there without it", "rises", "over before", "stood before"],
)
def test_verdict_counts_hazards_that_only_the_fault_explains(without, with_it, expected):
    """What is told while it lasts or right after, at a level that was not there without it."""
    clean = _said([_alarm("site.high/D0.x", *without)] if without else ())

    got = verdict(_recording(), FROZEN, clean, _said([_alarm("site.high/D0.x", *with_it)]), KINDS)

    assert expected == got.hazards


@pytest.mark.parametrize(("told_as_one", "expected"), [((), 1), ({"site.high"}, 0)])
def test_verdict_takes_calls_for_a_zone_as_one_alarm_whoever_calls(told_as_one, expected):
    """With the fault another sensor leads in what was told without it too."""
    clean, got = (_said([_alarm(f"site.high/{name}", (12, 2), (15, 0))]) for name in ("D1.x", "D0.x"))

    assert expected == verdict(_recording(), FROZEN, clean, got, KINDS, told_as_one).hazards


@pytest.mark.parametrize(
    ("key", "minute", "expected"),
    [
        ("health.frozen/D0.x", 15, (300.0, 1, 0)),
        ("health.silent/D0.x", 15, (None, 1, 0)),
        ("health.frozen/D1.x", 15, (None, 0, 1)),
        ("health.frozen/D0.x", 25, (None, 1, 0)),
    ],
    ids=["right", "wrong kind", "another sensor", "too late"],
)
def test_verdict_recognises_the_right_kind_on_the_right_sensor(key, minute, expected):
    """Anything else is a word, or blame of somebody else."""
    got = verdict(_recording(), FROZEN, _said(), _said(faults=[_alarm(key, (minute, 1), (40, 0))]), KINDS)

    seconds = None if np.isnan(got.recognised_s) else got.recognised_s
    assert expected == (seconds, got.n_words, got.n_blamed)


def test_verdict_of_a_gateway_takes_all_its_sensors():
    """One of two that is told is not the gateway."""
    fault = Fault(FaultKind.GATEWAY, (0, 1), 10, 20, 30)

    got = verdict(_recording(), fault, _said(), _said(faults=[_alarm("health.silent/D0.x", (15, 1), (40, 0))]), KINDS)

    assert np.isnan(got.recognised_s)


def test_judged_of_a_limit_and_health_rules_finds_what_is_silent_and_stuck(rules):
    """All of both kinds, in the time that the stale time and the sensor's own runs say."""
    found = judged(_recording(), rules, Plan(1, 60))

    assert [1, 1, 1] == [
        sum(not np.isnan(each.recognised_s) for each in found[kind])
        for kind in (FaultKind.STUCK, FaultKind.DROPOUT, FaultKind.GATEWAY)
    ]
    assert {540.0} == {each.recognised_s for each in found[FaultKind.DROPOUT]}


def test_judged_of_an_absolute_limit_tells_offsets(rules):
    """A limit must judge: an offset beyond it cannot be told from danger, and is counted."""
    found = judged(_recording(), rules, Plan(6, 60))

    assert 0 < sum(each.hazards for each in found[FaultKind.OFFSET])


def test_listened_keeps_every_message_and_the_order_of_the_clock():
    """Row by row or together, each number is received once, and the clock never goes back."""
    faulty, faults = inject(_recording(), FaultKind.DROPOUT, PLAN)

    heard = list(listened(faulty, faults))

    assert int(np.count_nonzero(~np.isnan(faulty.value))) == sum(len(messages) for _, messages in heard)
    assert min(np.diff([at for at, _ in heard])) >= 0


def test_lines_put_the_quiet_beside_each_kind(rules):
    """One line a kind; who never says anything recognises nothing."""
    got = [each.split(" | ") for each in lines("made", [_recording()], rules, PLAN)]

    assert [str(kind) for kind in FaultKind] == [cells[1] for cells in got]
    assert all(cells[-1].startswith("0, ") for cells in got)


def test_verdict_is_nothing_where_nothing_is_said():
    """Silence: no hazard, no word."""
    got = verdict(_recording(), FROZEN, _said(), _said(), KINDS)

    assert (0, 0, 0) == (got.hazards, got.n_words, got.n_blamed)
    assert isinstance(got, Verdict)
