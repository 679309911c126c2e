"""Silence in listening time, stuck heartbeats, and being heard again."""

import doctest

import pytest

from collector.batch import Quality, tick
from rules.engine import ALIVE, BLIND, UNSEEN, RuleEngine
from rules.kinds import stale as module
from rules.rule import RuleSet
from tests.rules.small_district import (
    BEAT,
    GAS,
    OTHER_BEAT,
    PLAIN,
    PRESSURE,
    SECOND_NS,
    batch,
    register,
    stale,
    threshold,
    told,
)


class District:
    """An engine with one stale rule and a clock to feed it by."""

    def __init__(self, *sensors):
        self.engine = RuleEngine(RuleSet((stale("silent", sensors),), "1"), register())

    def hear(self, received_s, *readings):
        """Return the transitions of a batch."""
        return told(self.engine.evaluate(batch(received_s, readings), 1))

    def listen(self, first_s, last_s, *, step_s=1):
        """Return the transitions of ticks from `first_s` to `last_s`, with the second of each."""
        seconds = range(first_s, last_s + 1, step_s)
        return [
            (second, *event) for second in seconds for event in told(self.engine.evaluate(tick(second * SECOND_NS), 1))
        ]


def test_module_example_runs_as_printed():
    """The example in the module's docstring is true."""
    assert 0 == doctest.testmod(module).failed


def test_stale_of_a_silent_sensor_raises_after_its_stale_time():
    """The second tick behind the stale time finds it, at the time at which the silence became too long."""
    district = District(PLAIN)
    district.hear(100, (PLAIN, 100, 1.0))

    assert [(106, 0, 104.0, "RAISED", 0, 1, "NO_READING")] == district.listen(101, 120)


def test_stale_of_a_sensor_exactly_at_its_stale_time_is_not_blind():
    """A reading that comes when the stale time has just passed is in time."""
    district = District(PLAIN)
    district.hear(100, (PLAIN, 100, 1.0))
    events = district.listen(101, 104)

    assert ([], []) == (events, district.hear(105, (PLAIN, 105, 1.0)))


def test_stale_of_a_sensor_never_heard_raises_at_the_clock():
    """A registered sensor that never comes is found once its stale time was listened for."""
    assert [(6, 0, 5.0, "RAISED", 0, 1, "NEVER_SEEN")] == District(PLAIN).listen(0, 20)


def test_stale_of_a_stuck_heartbeat_raises_although_readings_arrive():
    """A device that repeats itself is blind."""
    district = District(PRESSURE)
    events = [
        event
        for second in range(100, 112)
        for event in district.hear(second, (PRESSURE, second, 1.0), (BEAT, second, 5.0 if second > 101 else second))
    ]

    assert [(0, 108.0, "RAISED", 0, 1, "NO_HEARTBEAT")] == events


def test_stale_of_a_heartbeat_uses_the_stale_time_of_the_heartbeat():
    """The manhole's sensor may be silent for 9 s, its heartbeat only for 5 s."""
    district = District(GAS)
    district.hear(100, (GAS, 100, 1.0), (OTHER_BEAT, 100, 1.0))

    assert [(107, 0, 105.0, "RAISED", 0, 1, "NO_HEARTBEAT")] == district.listen(101, 120)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)], ids=["reading first", "heartbeat first"])
@pytest.mark.parametrize("is_split", [False, True])
def test_stale_of_a_device_that_returns_clears_with_its_first_whole_message(order, is_split):
    """Reading and heartbeat end the blindness together, in either order and in one batch or two."""
    district = District(PRESSURE)
    district.hear(100, (PRESSURE, 100, 1.0), (BEAT, 100, 1.0))
    district.listen(101, 120)
    message = [((PRESSURE, 121, 1.5), (BEAT, 121, 2.0))[i] for i in order]
    parts = [[each] for each in message] if is_split else [message]
    events = [event for part in parts for event in district.hear(121, *part)]

    assert [(0, 121.0, "CLEARED", 1, 0, "HEARD_AGAIN")] == events


def test_stale_of_a_reading_without_heartbeat_stays_blind():
    """Readings alone do not prove that a device with a heartbeat lives."""
    district = District(PRESSURE)
    district.hear(100, (PRESSURE, 100, 1.0), (BEAT, 100, 1.0))
    district.listen(101, 120)

    assert [] == district.hear(121, (PRESSURE, 121, 1.5), (BEAT, 121, 1.0))


@pytest.mark.parametrize(
    "reading",
    [(PLAIN, 100, 1.0), (PLAIN, 90, 1.0), (PLAIN, 104, 99.0, Quality.OUT_OF_RANGE), (PLAIN, 104, float("nan"))],
    ids=["duplicate", "late", "out of range", "poison"],
)
def test_stale_of_readings_that_say_nothing_new_is_silence(reading):
    """A reading that cannot be judged does not count as heard."""
    district = District(PLAIN)
    district.hear(100, (PLAIN, 100, 1.0))
    district.listen(101, 103)
    district.hear(104, reading)

    assert [(106, 0, 104.0, "RAISED", 0, 1, "NO_READING")] == district.listen(105, 110)


def test_stale_over_an_hour_in_which_nobody_listened_raises_nothing():
    """A stopped collector, a stopped machine and a clock jump forward look alike: they are not silence."""
    district = District(PLAIN, PRESSURE)
    for second in range(100, 110):
        district.hear(second, (PLAIN, second, 1.0), (PRESSURE, second, 1.0), (BEAT, second, second))
    events = district.hear(3710)
    events += district.hear(3710.01)
    for second in range(3711, 3720):
        events += district.hear(second, (PLAIN, second, 1.0), (PRESSURE, second, 1.0), (BEAT, second, second))

    assert [] == events


def test_stale_over_a_clock_set_back_raises_nothing_and_goes_on_listening():
    """Steps back count nothing; a sensor that stays silent afterwards is still found."""
    district = District(PLAIN)
    district.hear(5000, (PLAIN, 5000, 1.0))

    assert [(1406, 0, 5004.0, "RAISED", 0, 1, "NO_READING")] == district.listen(1400, 1420)


def test_stale_with_every_step_interrupted_still_finds_the_silent():
    """Patience after interruptions ends: a slow clock delays a device fault, it does not hide it."""
    district = District(PLAIN)
    district.hear(100, (PLAIN, 100, 1.0))

    assert [(140, 0, 104.0, "RAISED", 0, 1, "NO_READING")] == district.listen(110, 200, step_s=10)


def test_stale_judged_twice_within_a_second_looks_once():
    """Many small batches cost no more than one look a second of listening time."""
    district = District(PLAIN)
    district.hear(100, (PLAIN, 100, 1.0))
    events = [(100 + i / 10, *event) for i in range(1, 100) for event in district.hear(100 + i / 10)]

    assert [(105.1, 0, 104.0, "RAISED", 0, 1, "NO_READING")] == events


def test_stale_in_split_batches_is_judged_once_before_all_parts():
    """Parts of one batch have the same received time: only the first can find silence."""
    district = District(PLAIN, PRESSURE)
    district.hear(100, (PLAIN, 100, 1.0))
    district.listen(101, 105)
    first = district.hear(106, (PLAIN, 106, 1.0))
    second = district.hear(106, (PRESSURE, 106, 1.0))

    assert ([(0, 104.0, "RAISED", 0, 1, "NO_READING"), (0, 106.0, "CLEARED", 1, 0, "HEARD_AGAIN")], []) == (
        first,
        second,
    )


def test_stale_of_a_backlog_never_ends_before_it_began():
    """Readings stored in the device during the silence end it no earlier than it was raised."""
    district = District(PLAIN)
    district.hear(100, (PLAIN, 100, 1.0))
    district.listen(101, 106)

    assert [(0, 104.0, "CLEARED", 1, 0, "HEARD_AGAIN")] == district.hear(107, (PLAIN, 101, 1.0), (PLAIN, 102, 1.0))


def test_stale_with_a_slow_device_clock_never_gives_two_episodes_one_time():
    """A device an hour behind, never seen, seen and lost again, has two episodes with different times."""
    district = District(PLAIN)
    district.listen(5000, 5010)
    district.hear(5011, (PLAIN, 1000, 1.0))
    events = district.listen(5012, 5030)

    assert [(5017, 0, 5005.000000001, "RAISED", 0, 1, "NO_READING")] == events


def test_stale_of_a_red_sensor_leaves_it_red():
    """Law 4: a hazard neither clears nor changes because its sensor falls silent."""
    rules = RuleSet((threshold("red", [PLAIN], [("red", 2.0, 1.0, 0, 0)], side="low"), stale("silent", [PLAIN])), "1")
    engine = RuleEngine(rules, register())
    engine.evaluate(batch(100, [(PLAIN, 100, 1.0)]), 1)
    for second in range(101, 120):
        engine.evaluate(tick(second * SECOND_NS), 1)

    assert [5, 1] == engine.levels().tolist()


def test_health_of_sensors_tells_unseen_alive_and_blind():
    """Health covers sensors without a health alarm too."""
    district = District(PLAIN, PRESSURE)
    district.hear(100, (PLAIN, 100, 1.0), (GAS, 100, 1.0))
    before = district.engine.health()[[PLAIN, GAS, PRESSURE, OTHER_BEAT]].tolist()
    district.listen(101, 120)
    after = district.engine.health()[[PLAIN, GAS, PRESSURE, OTHER_BEAT]].tolist()

    assert ([ALIVE, ALIVE, UNSEEN, UNSEEN], [BLIND, ALIVE, BLIND, UNSEEN]) == (before, after)
