from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.batch import Quality, ReadingBatch, make_batch
from collector.check_state.limits import CheckLimits
from collector.passes import CostModel
from collector.quality import QualityChecks
from config.quantities import Quantity
from config.register import Neighbour, Register, Sensor

S = 1_000_000_000
BIT = int(Quality.NEIGHBOUR)
LEVEL = Quantity("level", "水位", "level", "m", -100.0, 100.0, np.inf, 2, {}, "test")
QUANTITIES = {"level": LEVEL, "other": replace(LEVEL, name="other")}
QUICK = CheckLimits(
    learn_readings=10**9,
    recent_readings=8.0,
    usual_readings=100.0,
    quiet_readings=1000.0,
    neighbour_learn=40,
    quiet_hold_ns=20 * S,
)
"""Learns within a test; the kinds of numbers are the same."""
WAYS = (CostModel(pass_us=0.0, run_us=1.0, reading_us=1.0), CostModel(pass_us=1e9, run_us=0.0, reading_us=0.0))
LEARNT, THEN = 100, 100


def checks(quantities: str = "lll", costs: CostModel | None = None) -> QualityChecks:
    """Return checks over one sensor, l for level and o for other, at each of so many assets, all neighbours."""
    sensors = [
        Sensor(f"S{i}", f"A{i}", f"D{i}", "x", "level" if kind == "l" else "other", 1.0, 0.0, 2.0, 6.0, "")
        for i, kind in enumerate(quantities)
    ]
    beside = {one.asset: [Neighbour(other.asset, 10.0) for other in sensors if other is not one] for one in sensors}
    return QualityChecks(Register({}, {}, sensors, {}, [], neighbours=beside), QUANTITIES, QUICK, costs)


def stream(*sizes: float, n: int = THEN, first: int = 0, seed: int = 5) -> list[ReadingBatch]:
    """Return batches of one reading of each sensor every 2 s that move by `sizes`; NaN for a sensor that is silent."""
    noise = np.random.default_rng(seed)
    batches = []
    for i in range(first, first + n):
        value = noise.standard_normal(len(sizes)) * np.array(sizes)
        there = np.flatnonzero(~np.isnan(value))
        batches.append(make_batch(2 * S * i, there, [2 * S * i] * len(there), value[there], [0] * len(there)))
    return batches


def said(plausibility: QualityChecks, batches: list[ReadingBatch], sensor: int) -> list[int]:
    """Return which of the sensor's readings were flagged."""
    return [
        int(bits) & BIT
        for batch in batches
        for number, bits in zip(batch.sensor.tolist(), plausibility.compare(batch).quality.tolist(), strict=True)
        if number == sensor
    ]


def test_neighbour_quiet_sensor_is_flagged_after_the_hold_and_the_others_are_not():
    """A line that clogs passes hardly anything on; the others still show what happens."""
    for sensor, is_told in [(0, False), (1, True), (2, False)]:
        plausibility = checks()
        said(plausibility, stream(1.0, 2.0, 0.5, n=LEARNT), sensor)
        bits = said(plausibility, stream(1.0, 0.02, 0.5, first=LEARNT), sensor)

        assert is_told == bool(bits[-1])
        assert not any(bits[:10])


@pytest.mark.parametrize(
    ("quantities", "sizes"),
    [
        ("lll", (0.01, 0.02, 0.005)),
        ("lll", (0.1, 0.02, 0.05)),
        ("ll", (1.0, 0.02)),
        ("llo", (1.0, 0.02, 0.5)),
        ("lll", (1.0, 0.02, np.nan)),
        ("lll", (1.0, 0.6, 0.5)),
    ],
    ids=["all quiet", "others hardly move", "one neighbour", "another quantity", "a silent neighbour", "moves enough"],
)
def test_neighbour_quiet_with_reason_is_not_flagged(quantities, sizes):
    """At night nothing moves anywhere; and which of two is wrong nobody knows."""
    plausibility = checks(quantities)
    said(plausibility, stream(*(1.0, 2.0, 0.5)[: len(sizes)], n=LEARNT), 1)

    assert not any(said(plausibility, stream(*sizes, first=LEARNT), 1))


def test_neighbour_flag_ends_when_the_sensor_moves_again():
    """Cleaned, it says what it said before."""
    plausibility = checks()
    said(plausibility, stream(1.0, 2.0, 0.5, n=LEARNT), 1)
    quiet = said(plausibility, stream(1.0, 0.02, 0.5, first=LEARNT), 1)

    assert (BIT, 0) == (quiet[-1], said(plausibility, stream(1.0, 2.0, 0.5, first=LEARNT + THEN), 1)[-1])


def test_neighbour_fourth_sensor_that_is_quiet_itself_does_not_hide_another():
    """Two clogged lines are both found beside two that live."""
    plausibility = checks("llll")
    said(plausibility, stream(1.0, 2.0, 0.5, 1.0, n=LEARNT), 1)
    first = said(plausibility, stream(1.0, 0.02, 0.5, 1.0, first=LEARNT), 1)
    both = said(plausibility, stream(1.0, 0.02, 0.5, 0.01, first=LEARNT + THEN), 3)

    assert (BIT, BIT) == (first[-1], both[-1])


def test_neighbour_reading_of_the_past_is_not_compared_with_the_present():
    """Out of a buffer comes what was said when the neighbours were not heard."""
    plausibility = checks()
    said(plausibility, [*stream(1.0, 2.0, 0.5, n=LEARNT), *stream(1.0, 0.02, 0.5, first=LEARNT)], 1)
    last = stream(1.0, 0.02, 0.5, n=1, first=LEARNT + THEN)[0]
    late = replace(last, quality=np.array([0, int(Quality.LATE), 0], np.uint16))

    assert [0, int(Quality.LATE), 0] == plausibility.compare(late).quality.tolist()


def together(batches: list[ReadingBatch], size: int) -> list[ReadingBatch]:
    """Return the readings of `size` batches at a time, received with the last of them."""
    parts = [batches[i : i + size] for i in range(0, len(batches), size)]
    return [
        make_batch(
            part[-1].received_ns,
            *(np.concatenate([getattr(each, name) for each in part]) for name in ("sensor", "time_ns", "value")),
            np.zeros(sum(map(len, part))),
        )
        for part in parts
    ]


@settings(max_examples=20)
@given(st.integers(0, 2**32 - 1), st.integers(1, 3), st.lists(st.integers(0, 20), max_size=3), st.integers(0, 80))
def test_neighbour_any_cut_restart_and_way_says_the_same_to_the_last_digit(seed, size, cuts, restart):
    """Bits and memory depend on the readings and their received times, not on batches, restarts or columns."""
    usual = stream(1.0, 2.0, 0.5, 1.0, n=50, seed=seed)
    stretches = together([*usual, *stream(1.0, 0.001, 0.5, 1.0, n=70, first=50, seed=seed + 1)], size)
    columns, runs = (checks("llll", costs) for costs in WAYS)
    parted = checks("llll")
    for i, batch in enumerate(stretches):
        if i == restart:
            blob, parted = parted.memory.snapshot(), checks("llll")
            parted.memory.restore(blob)
        edges = [0, *sorted(min(cut, len(batch)) for cut in cuts), len(batch)]
        parts = [parted.compare(batch.take(slice(a, b))).quality.tolist() for a, b in pairwise(edges) if a < b]
        bits = columns.compare(batch).quality.tolist()

        assert bits == runs.compare(batch).quality.tolist() == [bit for part in parts for bit in part]
    assert columns.memory.snapshot() == runs.memory.snapshot() == parted.memory.snapshot()
    assert columns.memory.columns.quiet_ns[1] > 0
