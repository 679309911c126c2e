from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.archive import CheckpointUnusableError
from collector.batch import NOT_OF_NOW, RECEIVED_CLOCK, Quality
from collector.checkpoints import ClockCheckpoint
from collector.devices.clocks import ClockReport, DeviceClocks
from collector.payload import NO_TIME
from config.register import Register
from tests.collector.registers import register

S = 1_000_000_000
NOW = 1_750_000_000 * S
LATE_S = 900
TOWER, OTHER, BRIDGE = "FT-1", "FT-2", "BR-1"
DEVICE_OF = [TOWER, TOWER, OTHER, OTHER, BRIDGE, BRIDGE]


def clocks(known: Register | None = None) -> DeviceClocks:
    """Return the clocks of the small register's three devices, all unknown."""
    known = known or register()
    return DeviceClocks(known, np.full(len(known.sensors) + 1, LATE_S * S), 300 * S)


def look(one: DeviceClocks, received_s: float, *readings: tuple[int, float], said: int = 0) -> list[Quality]:
    """Return the bits of (sensor, clock in seconds) received together."""
    sensor = np.array([number for number, _ in readings], np.int32)
    sent_ns = np.array([NOW + round(clock_s * S) for _, clock_s in readings], np.int64)
    flags = one.judge(sensor, sent_ns, np.full(len(readings), said, np.uint16), NOW + round(received_s * S))
    return [Quality(each) for each in flags.tolist()]


def wrong(offset_s: float = 3600) -> DeviceClocks:
    """Return clocks of which that of the first tower is known to be wrong."""
    one = clocks()
    for second in range(0, 22, 2):
        look(one, second, (0, second - offset_s))
    return one


def test_clock_of_a_device_that_never_told_a_time_is_unknown():
    """Nothing is made up, neither for a device of the register nor for a stranger."""
    assert [ClockReport(None, is_wrong=False)] * 2 == [clocks().report(TOWER), clocks().report("stranger")]


def test_clock_offset_is_the_least_of_late():
    """Networks only add; what they add for a while does not count."""
    one = clocks()
    for second, delay_s in enumerate([0.5, 0.2, 9.0, 0.3]):
        look(one, second, (0, second - delay_s))

    assert 0.2 <= one.report(TOWER).offset_s < 1.3


def test_clock_offsets_are_columns_in_the_order_of_the_devices():
    """NaN where nothing is known."""
    offsets, is_wrong = wrong().offsets()

    assert ((TOWER, OTHER, BRIDGE), [True, False, False]) == (wrong().ids, is_wrong.tolist())
    assert ([3600.0], [True, True]) == (offsets[:1].tolist(), np.isnan(offsets[1:]).tolist())


@pytest.mark.parametrize(
    ("looks", "expected"),
    [
        ([(0, -3600), (10, -3590)], 0),
        ([(0, -3600), (5, -3595), (10, -3590), (19, -3581)], 0),
        ([(0, -3600), (10, -3590), (20, -3580)], 1),
        ([(0, -3600), (10, -3560), (20, -3520), (30, -3480)], 0),
        ([(0, -3600), (10, -3600), (20, -3600), (30, -3600)], 0),
        ([(0, -3600), (10, -3590), (15, 15), (20, -3580)], 0),
        ([(0, -3600), (10, -3589), (20, -3581), (30, -3570)], 1),
        ([(0, -600), (10, -590), (20, -580)], 0),
        ([(0, 0), (5, -595), (15, -585), (25, -575)], 1),
        ([(0, 3600), (10, 3610), (20, 3620)], 1),
        ([(0, 200), (10, 210), (20, 220)], 0),
    ],
    ids=[
        "two messages",
        "too soon",
        "proven",
        "four times as fast",
        "the same time again and again",
        "a time of now between",
        "a trembling network",
        "late, not too late",
        "back from its own past",
        "far ahead",
        "ahead within the tolerance",
    ],
)
def test_clock_is_wrong_when_an_unbelievable_offset_stands_still(looks, expected):
    """Three messages over 20 s, and none of now between."""
    one = clocks()
    for received_s, clock_s in looks:
        look(one, received_s, (0, clock_s))

    assert expected == one.n_wrong()


def test_clock_known_to_be_wrong_tells_now_from_long_ago():
    """What is of now by that clock gets our time, what is old by it is late; other devices are not concerned."""
    flags = look(wrong(), 30, (0, -3570), (1, -3570 - LATE_S), (0, -3571 - LATE_S), (2, 30))

    assert [Quality.TIME_PAST, Quality.TIME_PAST, Quality.LATE, Quality.GOOD] == flags


def test_clock_known_to_be_wrong_that_runs_ahead_of_itself_is_doubted():
    """It was a slow upload: what follows is late until it is proven anew."""
    one = wrong()
    look(one, 40, (0, 40 - 3500))

    assert 0 == one.n_wrong()


def test_clock_known_to_be_wrong_outlives_a_backlog():
    """What the broker kept of it is older still: it proves nothing."""
    one = wrong()
    for i in range(100):
        look(one, 4000 + i / 10, (0, 30 + i * 30 - 3600))
    look(one, 4020, (0, 4020 - 3600))

    assert (1, [Quality.TIME_PAST]) == (one.n_wrong(), look(one, 4022, (0, 4022 - 3600)))


@pytest.mark.parametrize(("jump_s", "flag"), [(3600, Quality.TIME_PAST), (-3600, Quality.TIME_FUTURE), (600, 0)])
def test_clocks_when_our_own_is_set_stay_where_they_were(jump_s, flag):
    """All offsets change at once, and nothing of now is late; put right again, all are believed again."""
    one = clocks()
    one.notice(0.0, NOW)
    look(one, 0, (0, 0), (2, 0))
    one.notice(1.0, NOW + (1 + jump_s) * S)
    during = look(one, 2 + jump_s, (0, 2), (2, 2))
    one.notice(3.0, NOW + 3 * S)

    assert ([flag, flag], [0, 0]) == (during, look(one, 4, (0, 4), (2, 4)))
    assert 0 == one.n_wrong()


@pytest.mark.parametrize("said", [Quality.TIME_SERVER, Quality.HISTORICAL])
def test_clock_is_not_judged_by_times_that_are_not_its_own_of_now(said):
    """Times that rest on ours, and what the device itself calls history."""
    one = clocks()
    for second in (0, 10, 20, 30):
        look(one, second, (0, second - 3600), said=int(said))

    assert (0, ClockReport(None, is_wrong=False)) == (one.n_wrong(), one.report(TOWER))


@given(st.lists(st.tuples(st.integers(-1, 5), st.integers(-(2**63), 2**63 - 1)), max_size=40), st.integers(0, 2**62))
def test_clocks_of_any_times_give_only_bits_of_time(readings, received_ns):
    """No time overflows; readings without a sensor or a time get nothing."""
    one = clocks()
    sensor = np.array([number for number, _ in readings], np.int32)
    sent_ns = np.array([time_ns for _, time_ns in readings], np.int64)
    for step in range(3):
        flags = one.judge(sensor, sent_ns, np.zeros(len(readings), np.uint16), received_ns + step * 15 * S)
    ours = (sensor < 0) | (sent_ns == NO_TIME)

    assert not (flags & ~(RECEIVED_CLOCK | NOT_OF_NOW)).any()
    assert not flags[ours].any()


looks_of_all = st.lists(
    st.tuples(
        st.sampled_from([1, 5, 10, 20, 400]),
        st.lists(st.tuples(st.integers(0, 5), st.sampled_from([0, -1, -600, -3600, -3605, 200, 3600])), max_size=8),
    ),
    max_size=12,
)


@given(looks_of_all)
def test_clocks_of_devices_judged_together_are_judged_as_each_alone(looks):
    """No device's clock says anything about another's."""
    together, alone, now_s = clocks(), {name: clocks() for name in (TOWER, OTHER, BRIDGE)}, 0
    for step_s, offsets in looks:
        now_s += step_s
        readings = [(number, now_s + offset_s) for number, offset_s in offsets]
        flags = look(together, now_s, *readings)
        for name, one in alone.items():
            own = [place for place, (number, _) in enumerate(readings) if DEVICE_OF[number] == name]
            assert [flags[place] for place in own] == look(one, now_s, *(readings[place] for place in own))


def test_clocks_restored_know_what_they_knew():
    """Matched by the id of the device; a register that has changed keeps what is still there."""
    fewer = clocks(Register({}, {}, register().sensors[:2], {}, []))
    fewer.restore(wrong().snapshot())

    assert ClockReport(3600.0, is_wrong=True) == fewer.report(TOWER)
    assert [Quality.TIME_PAST] == look(fewer, 30, (0, 30 - 3600))


@pytest.mark.parametrize("blob", [b"", b"PK", b"0" * 100, clocks().snapshot()[:-30]])
def test_clocks_refuse_a_snapshot_that_is_not_intact(blob):
    """Nothing is taken over."""
    with pytest.raises(CheckpointUnusableError):
        clocks().restore(blob)


def test_memory_of_clocks_outlives_the_program(tmp_path):
    """What was saved is there again."""
    counts, again = Counter(), clocks()
    ClockCheckpoint(tmp_path / "clocks.bin", wrong(), counts).save()

    assert ClockCheckpoint(tmp_path / "clocks.bin", again, counts).load()
    assert (1, Counter()) == (again.n_wrong(), counts)


@pytest.mark.parametrize("place", [0, 5, -1])
def test_memory_of_clocks_that_is_damaged_is_counted_and_not_believed(tmp_path, place):
    """The clocks are learned anew."""
    path, counts, again = tmp_path / "clocks.bin", Counter(), clocks()
    ClockCheckpoint(path, wrong(), counts).save()
    blob = bytearray(path.read_bytes())
    blob[place] ^= 1
    path.write_bytes(blob)

    assert not ClockCheckpoint(path, again, counts).load()
    assert (0, {("clock_memory_failures", "damaged"): 1}) == (again.n_wrong(), counts)


def test_memory_of_clocks_that_cannot_be_written_is_counted(tmp_path):
    """Readings are taken in all the same."""
    counts = Counter()
    ClockCheckpoint(tmp_path / "nowhere" / "clocks.bin", clocks(), counts).save()

    assert {("clock_memory_failures", "write"): 1} == counts
