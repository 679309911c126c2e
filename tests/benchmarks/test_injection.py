"""Faults put into made-up recordings: the same each time, only where nothing happens, and what they say they are."""

import numpy as np
import pytest

from benchmarks.warning_quality.episodes import Event
from benchmarks.warning_quality.injection import FaultKind, Plan, calm, inject
from benchmarks.warning_quality.replay import Recording, quantity, register_of, sensor

MINUTE = 60_000_000_000
LEVEL = quantity("level", -100.0, 100.0, 3)
PLAN = Plan(4, 30)
KINDS = pytest.mark.parametrize("kind", list(FaultKind))


def _recording(*, still: bool = False) -> Recording:
    rng = np.random.default_rng(7)
    value = 10 + rng.standard_normal((1000, 3))
    if still:
        value[:] = 10.0
    time_ns = np.arange(1000, dtype=np.int64) * MINUTE
    sensors = [sensor("A", f"D{i}", "x", LEVEL, 60.0, 600.0) for i in range(3)]
    events = (Event(400 * MINUTE, 500 * MINUTE),)
    register = register_of("site", sensors)
    return Recording("made", register, {"level": LEVEL}, time_ns, value, events, (100 * MINUTE, 999 * MINUTE))


@KINDS
def test_inject_twice_puts_the_same_faults(kind):
    """Neither the clock nor the process decides anything."""
    first, again = inject(_recording(), kind, PLAN), inject(_recording(), kind, PLAN)

    assert first[1] == again[1]
    assert np.array_equal(first[0].value, again[0].value, equal_nan=True)


@KINDS
def test_inject_leaves_events_and_learning_alone(kind):
    """Whatever is not calm is as it was, and so is the aftermath of each fault."""
    recording = _recording()

    faulty, faults = inject(recording, kind, PLAN)

    watched = [row for each in faults for row in range(each.first, each.until)]
    assert calm(recording)[watched].all()
    assert np.array_equal(faulty.value[~calm(recording)], recording.value[~calm(recording)])


@KINDS
def test_inject_changes_what_its_faults_say_and_nothing_else(kind):
    """Rows and sensors that differ are those of the faults."""
    recording = _recording()
    expected = np.zeros_like(recording.value, np.bool_)

    faulty, faults = inject(recording, kind, PLAN)

    for each in faults:
        expected[each.first : each.end, list(each.sensors)] = True
    assert len(faults) >= PLAN.most
    changed = faulty.value != recording.value
    # A drift begins with nothing.
    assert not (changed & ~expected).any()
    assert (expected & ~changed).sum() <= len(faults)


def test_inject_of_stuck_repeats_what_was_said_before():
    """One value, the last good one."""
    recording = _recording()

    faulty, faults = inject(recording, FaultKind.STUCK, PLAN)

    first = faults[0]
    number = first.sensors[0]
    got = faulty.value[first.first : first.end, number]
    assert {float(recording.value[first.first - 1, number])} == set(got.tolist())


def test_inject_of_stuck_into_what_stands_still_finds_no_place():
    """Nothing would be wrong, and nobody could know."""
    assert () == inject(_recording(still=True), FaultKind.STUCK, PLAN)[1]


def test_inject_of_silence_lasts_longer_than_the_stale_time():
    """Else nobody could ever say that the device is not heard."""
    faults = inject(_recording(), FaultKind.DROPOUT, Plan(2, 5))[1]

    assert {13} == {each.end - each.first for each in faults}


def test_inject_of_a_gateway_silences_all_its_sensors():
    """Not one number is left."""
    faulty, faults = inject(_recording(), FaultKind.GATEWAY, PLAN)

    assert all(np.isnan(faulty.value[each.first : each.end]).all() for each in faults)
