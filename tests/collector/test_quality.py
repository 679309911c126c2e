from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.archive import CheckpointUnusableError
from collector.batch import Quality, ReadingBatch, make_batch
from collector.check_state.limits import CheckLimits
from collector.passes import CostModel
from collector.quality import MAX_BURST, QualityChecks
from config.quantities import Quantity
from config.register import Register, Sensor
from tests.collector.quality_oracle import SensorState

S = 1_000_000_000
LEVEL = Quantity("level", "水位", "level", "m", 0.0, 10.0, 0.5, 2, {}, "test")
CHARGE = replace(LEVEL, name="battery")
QUANTITIES = {"level": LEVEL, "battery": CHARGE, "online": replace(LEVEL, name="online")}
QUICK = CheckLimits(learn_readings=5, flat_readings=3, rest_readings=6, flat_changes=4)
"""Learns within a test; the kinds of numbers are the same."""
WAYS = {
    "columns": CostModel(pass_us=0.0, run_us=1.0, reading_us=1.0),
    "runs": CostModel(pass_us=1e9, run_us=0.0, reading_us=0.0),
    "both": CostModel(pass_us=2.5, run_us=0.5, reading_us=1.0),
}
"""Judged in rounds of columns alone, sensor by sensor alone, or whichever is less."""


def sensor(name: str, quantity: str = "level", cadence_s: float = 2.0, heartbeat: str = "") -> Sensor:
    """Return a sensor that is stale after three cadences."""
    return Sensor(name, "A", "D", name, quantity, 1.0, 0.0, cadence_s, 3 * cadence_s, heartbeat)


def plausibility(*sensors: Sensor, limits: CheckLimits = QUICK, costs: CostModel | None = None) -> QualityChecks:
    """Return checks that know nothing yet; of three level sensors unless told."""
    known = sensors or (sensor("a"), sensor("b"), sensor("c"))
    return QualityChecks(Register({}, {}, known, {}, []), QUANTITIES, limits, costs)


def course(checks: QualityChecks, values, first_s: float = 0.0, step_s: float = 2.0, quality: int = 0) -> list[int]:
    """Return the bits of `values` of sensor 0, one batch each."""
    bits = []
    for i, value in enumerate(values):
        at = round((first_s + i * step_s) * S)
        bits += checks.compare(make_batch(at, [0], [at], [value], [quality])).quality.tolist()
    return bits


def noisy(n: int, level: float = 5.0, size: float = 0.01) -> list[float]:
    """Return a level with a little noise, always the same."""
    return (level + size * np.random.default_rng(7).standard_normal(n)).tolist()


def test_spike_single_outlier_is_flagged_and_the_return_is_not():
    """One reading far away is a spike; its neighbours are good."""
    bits = course(plausibility(), [*noisy(50), 5.5, 5.0, 5.01])

    assert [0] * 50 + [Quality.SPIKE, 0, 0] == bits


def test_spike_new_level_is_flagged_once():
    """The first reading of a step cannot be told from a spike; the second confirms it."""
    bits = course(plausibility(), [*noisy(50), *noisy(10, level=6.0)])

    assert [Quality.SPIKE] + [0] * 9 == bits[50:]


def test_spike_two_outliers_apart_are_both_flagged():
    """A second wild reading elsewhere confirms nothing."""
    bits = course(plausibility(), [*noisy(50), 5.5, 4.4, 5.0])

    assert [Quality.SPIKE, Quality.SPIKE, 0] == bits[50:]


def test_spike_before_learning_is_not_flagged():
    """A sensor that nobody knows yet is not judged."""
    limits = replace(QUICK, learn_readings=96)

    assert [0, 0, 0, 0] == course(plausibility(limits=limits), [5.0, 5.0, 5.9, 5.0])


def test_spike_first_digit_of_a_constant_is_no_spike():
    """A constant sensor has no noise at all; less than the floor is never a spike."""
    assert 0 == course(plausibility(), [*[5.0] * 50, 5.01])[-1]


def test_spike_noisy_sensor_is_given_more_room():
    """What is a spike for a quiet sensor is the usual for a restless one."""
    quiet, restless = noisy(50, size=0.01), noisy(50, size=0.1)

    assert (Quality.SPIKE, 0) == (
        course(plausibility(), [*quiet, 5.4])[-1],
        course(plausibility(), [*restless, 5.4])[-1],
    )


@pytest.mark.parametrize(("steps", "expected"), [(1, Quality.SPIKE), (4, 0)], ids=["trembles", "rarely moves"])
def test_spike_below_the_floor_is_one_only_of_a_sensor_that_trembles(steps, expected):
    """Its own scale says what is far, however wide the range; of one that rarely moves a step tells nothing."""
    still = [value for each in noisy(80, size=0.0001) for value in [each] * steps]

    assert [expected, 0] == course(plausibility(), [*still, 5.005, still[-1]])[-2:]


@pytest.mark.parametrize(("step_s", "expected"), [(1.0, Quality.RATE), (2.0, 0), (4.0, 0)])
def test_rate_depends_on_the_time_between(step_s, expected):
    """0.8 m in a second is more than 0.5 m/s, in two it is not."""
    limits = replace(QUICK, learn_readings=10**6)

    assert [0, expected] == course(plausibility(limits=limits), [5.0, 5.8], step_s=step_s)


def test_rate_return_to_the_level_is_good():
    """Back where it stood before the jump is no second jump."""
    limits = replace(QUICK, learn_readings=10**6, level_weight=0.0)

    assert [0, Quality.RATE, 0] == course(plausibility(limits=limits), [5.0, 8.0, 5.0])


def test_rate_over_a_received_time_is_not_judged():
    """When a reading arrived says nothing about how fast the water rose."""
    checks = plausibility(limits=replace(QUICK, learn_readings=10**6))
    stand_in = int(Quality.TIME_SERVER)
    batch = checks.compare(make_batch(0, [0, 0, 0], [0, 1, 2 * S], [1.0, 9.0, 1.0], [stand_in, stand_in, 0]))

    assert [stand_in, stand_in, 0] == batch.quality.tolist()


def test_flat_needs_more_than_the_longest_usual_run():
    """A sensor that often repeats itself twice is flat only after four times as many readings."""
    usual = [value for each in noisy(40, size=0.1) for value in (each, each)]
    bits = course(plausibility(), [*usual, *[5.0] * 20])

    assert [0] * 8 + [Quality.FLAT] * 12 == bits[80:]


@pytest.mark.parametrize(("value", "expected"), [(5.0, 5), (0.0, 7), (10.0, 7)], ids=["between", "zero", "full"])
def test_flat_at_rest_takes_longer(value, expected):
    """What noise has left is frozen soon, but a pipe may be empty and a tank full for a while."""
    bits = course(plausibility(), [*noisy(50), *[value] * 10])[50:]

    assert expected == next(i for i, each in enumerate(bits, 1) if each & Quality.FLAT)


def test_flat_second_fault_is_found_nearly_as_soon_as_the_first():
    """A run that was a fault teaches little of what is usual."""
    again = [*noisy(50), *[5.0] * 100, *noisy(50), *[5.0] * 100]
    bits = course(plausibility(limits=replace(QUICK, flat_readings=8)), again)[200:]

    assert 9 == next(i for i, each in enumerate(bits, 1) if each & Quality.FLAT)


def test_flat_constant_by_nature_is_never_flat():
    """Methane that has been zero since the sensor was installed is not a fault."""
    assert [0] * 300 == course(plausibility(), [0.0] * 300)


def test_flat_burst_of_equal_readings_is_not_flat():
    """Thirty equal readings within a moment are one look at the water."""
    checks = plausibility()
    course(checks, noisy(50))
    bits = course(checks, [5.0] * 20, first_s=100.0, step_s=0.1)

    assert Quality.FLAT not in bits


def test_flat_ends_with_the_first_change():
    """The reading that moves again is good."""
    bits = course(plausibility(), [*noisy(50), *[5.0] * 10, 5.01])

    assert [Quality.FLAT, 0] == bits[-2:]


def test_gap_is_said_once_and_nothing_is_compared_across_it():
    """After the stale time nothing is said about how the value got there, only that there was a gap."""
    checks = plausibility()
    course(checks, noisy(50))

    assert [Quality.GAP, 0] == course(checks, [9.0, 9.0], first_s=1000.0)


@pytest.mark.parametrize(("silent_s", "expected"), [(6.0, 0), (6.1, Quality.GAP)])
def test_gap_begins_behind_the_stale_time(silent_s, expected):
    """What the rules would not call stale is no gap."""
    checks = plausibility()
    course(checks, [5.0])

    assert [expected] == course(checks, [5.0], first_s=silent_s)


def test_gap_first_reading_of_a_sensor_is_none():
    """Nothing is missing before the first one."""
    assert [0] == course(plausibility(), [5.0], first_s=1e6)


def test_gap_between_two_clocks_is_none():
    """A received time an hour behind the device's says that a clock is wrong, not that readings are missing."""
    checks = plausibility()
    course(checks, [5.0])

    assert [Quality.TIME_SERVER] == course(checks, [5.0], first_s=3600.0, quality=int(Quality.TIME_SERVER))


def test_out_of_range_is_left_to_its_own_bit_and_teaches_nothing():
    """-9999 is neither a spike nor a lesson."""
    checks, reference = plausibility(), plausibility()
    readings = [*noisy(50), -9999.0, *noisy(3)]
    bits = []
    for i, value in enumerate(readings):
        flag = int(Quality.OUT_OF_RANGE) if value < 0 else 0
        bits += checks.compare(make_batch(2 * S * i, [0], [2 * S * i], [value], [flag])).quality.tolist()
        if value >= 0:
            reference.compare(make_batch(2 * S * i, [0], [2 * S * i], [value], [0]))

    assert [0] * 50 + [Quality.OUT_OF_RANGE, 0, 0, 0] == bits
    assert reference.memory.snapshot() == checks.memory.snapshot()


@pytest.mark.parametrize(("n", "judged"), [(MAX_BURST, True), (MAX_BURST + 1, False)])
def test_burst_beyond_the_bound_is_said_to_be_unchecked_and_is_not_remembered(n, judged):
    """A back-log of one sensor passes with its values as they came, and the intake does not stand still."""
    checks = plausibility()
    course(checks, noisy(50))
    before = checks.memory.snapshot()
    times = [(102 + 2 * i) * S for i in range(n)]
    burst = make_batch(times[-1], [0] * n, times, [*[5.0] * (n - 1), 9.0], [0] * n)
    bits = checks.compare(burst).quality

    assert judged == bool(bits[-1] & Quality.SPIKE)
    assert (not judged) == bool((bits == Quality.UNCHECKED).all())
    assert judged == (before != checks.memory.snapshot())


def test_burst_of_one_sensor_leaves_the_others_checked():
    """Who floods the intake hides nobody else's spike."""
    checks = plausibility()
    for i, value in enumerate(noisy(50)):
        checks.compare(make_batch(2 * S * i, [0, 1], [2 * S * i] * 2, [value, value], [0, 0]))
    n = MAX_BURST + 1
    bits = checks.compare(make_batch(0, [0] * n + [1], [100 * S] * (n + 1), [5.9] * (n + 1), [0] * (n + 1))).quality

    assert (Quality.UNCHECKED, Quality.SPIKE) == (bits[0], bits[-1])


def test_late_reading_is_not_judged_and_the_newest_repeated_gets_the_same_bits():
    """A redelivered spike stays one; what comes late changes nothing."""
    checks = plausibility()
    course(checks, [*noisy(50), 5.5])
    before = checks.memory.snapshot()
    batch = checks.compare(make_batch(0, [0, 0], [100 * S, 10 * S], [5.5, 9.0], [0, 0]))

    assert [Quality.SPIKE, 0] == batch.quality.tolist()
    assert before == checks.memory.snapshot()


@pytest.mark.parametrize(
    "sensors",
    [(sensor("a", "battery"),), (sensor("a"), sensor("b", heartbeat="a")), (sensor("a", cadence_s=0.005),)],
    ids=["battery", "heartbeat", "signal"],
)
def test_counters_charges_and_signals_are_not_judged(sensors):
    """Standing still and stepping are their nature."""
    assert {0} == set(course(plausibility(*sensors), [*noisy(50), 9.0, *[5.0] * 50], step_s=0.005))


@pytest.mark.parametrize(
    ("sensors", "expected"),
    [
        ((sensor("a", "battery"),), Quality.GAP),
        ((sensor("a"), sensor("b", heartbeat="a")), Quality.GAP),
        ((sensor("a", cadence_s=0.005),), 0),
        ((sensor("a", "online"),), 0),
    ],
    ids=["battery", "heartbeat", "signal", "online"],
)
def test_gap_of_what_has_no_level_is_told_too(sensors, expected):
    """Missing readings are missing whatever they say; only signals and what is told on change are left out."""
    assert [0, expected] == course(plausibility(*sensors), [5.0, 9.0], step_s=1000.0)


reading = st.tuples(
    st.integers(0, 2),
    st.integers(0, 40),
    st.sampled_from([0.0, 4.99, 5.0, 5.0, 5.0, 5.02, 6.0, 9.0]),
    st.sampled_from([0, 0, 0, 0, 1, 2, 16]),
)
streams = st.lists(st.lists(reading, max_size=12), max_size=12)


def batches_of(stream) -> list[ReadingBatch]:
    """Return one batch for each list of readings, five seconds apart; times run on with the batches."""
    return [
        make_batch(
            i * 5 * S,
            [number for number, _, _, _ in rows],
            [(i * 5 * S) + offset * S // 4 for _, offset, _, _ in rows],
            [value for _, _, value, _ in rows],
            [quality for _, _, _, quality in rows],
        )
        for i, rows in enumerate(stream)
    ]


@pytest.mark.parametrize("costs", WAYS.values(), ids=WAYS.keys())
@given(streams)
def test_judge_any_stream_says_what_the_oracle_says(costs, stream):
    """Columns, rounds and runs are only faster ways to judge one reading after another."""
    checks = plausibility(costs=costs)
    oracles = [SensorState(0.5, 10.0, 6.0, 2.0, QUICK) for _ in range(3)]
    for batch in batches_of(stream):
        columns = (batch.sensor.tolist(), batch.time_ns.tolist(), batch.value.tolist(), batch.quality.tolist())
        expected = [oracles[n].judge(batch.received_ns, *rest) for n, *rest in zip(*columns, strict=True)]

        assert expected == checks.compare(batch).quality.tolist()


@given(streams, st.integers(0, 2**32 - 1))
def test_judge_whichever_way_says_the_same_to_the_last_digit(stream, seed):
    """Bits and memory are equal, so that a sensor may be judged in columns now and alone a moment later."""
    checks = [plausibility(costs=costs) for costs in WAYS.values()]
    noise = np.random.default_rng(seed)
    for batch in batches_of(stream):
        value = batch.value + noise.normal(0.0, 0.3, len(batch))
        noisy_batch = replace(batch, value=np.where(noise.random(len(batch)) < 0.5, value, batch.value))
        bits = [each.compare(noisy_batch).quality.tolist() for each in checks]

        assert bits[0] == bits[1] == bits[2]
    assert checks[0].memory.snapshot() == checks[1].memory.snapshot() == checks[2].memory.snapshot()


@given(streams, st.lists(st.integers(0, 12), max_size=3), st.integers(0, 12))
def test_judge_split_and_restarted_anywhere_says_the_same(stream, cuts, restart):
    """However the readings are cut into batches, and with a restart between, bits and memory are the same."""
    whole, parted = plausibility(), plausibility()
    for i, batch in enumerate(batches_of(stream)):
        if i == restart:
            blob, parted = parted.memory.snapshot(), plausibility()
            parted.memory.restore(blob)
        edges = [0, *sorted(cuts), len(batch)]
        parts = [parted.compare(batch.take(slice(a, b))).quality.tolist() for a, b in pairwise(edges) if a < b]

        assert whole.compare(batch).quality.tolist() == [bit for part in parts for bit in part][: len(batch)]
    assert whole.memory.snapshot() == parted.memory.snapshot()


def test_memory_restored_into_another_register_follows_the_ids():
    """What still exists goes on; what is new begins to learn."""
    old, new = plausibility(sensor("a"), sensor("b")), plausibility(sensor("x"), sensor("a"))
    course(old, noisy(50))
    new.memory.restore(old.memory.snapshot())

    assert ([0, 50], [0.0, old.memory.columns.level[0]]) == (
        new.memory.columns.count.tolist(),
        new.memory.columns.level.tolist(),
    )


@pytest.mark.parametrize("cut", [0, 1, 100, 1000, -1])
def test_memory_cut_short_is_refused_and_nothing_is_taken(cut):
    """Half a file is no memory."""
    checks = plausibility()
    course(checks, noisy(50))
    fresh = plausibility()

    with pytest.raises(CheckpointUnusableError):
        fresh.memory.restore(checks.memory.snapshot()[:cut])
    assert plausibility().memory.snapshot() == fresh.memory.snapshot()


@given(st.integers(0, 5000), st.integers(1, 255))
def test_memory_any_byte_changed_never_raises_anything_else(place, change):
    """A changed byte is refused, or is one that means nothing."""
    checks = plausibility()
    course(checks, noisy(20))
    blob = bytearray(checks.memory.snapshot())
    blob[place % len(blob)] ^= change
    fresh = plausibility()
    try:
        fresh.memory.restore(bytes(blob))
    except CheckpointUnusableError:
        return
    assert checks.memory.snapshot() == fresh.memory.snapshot()
