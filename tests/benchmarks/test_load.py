"""What people would be told of made-up alarms, and how it is projected to a city."""

import numpy as np
import pytest

from benchmarks.warning_quality.episodes import Alarm, Event
from benchmarks.warning_quality.load import Desk, announced, city_daily, desk, flood_share
from benchmarks.warning_quality.replay import Recording, quantity, register_of, sensor

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
DAY = 1440 * MINUTE
ASSETS = {"x": "M", "y": "M", "z": "N"}
LEVEL = quantity("level", 0.0, 100.0, 1)


def _alarm(name: str, *steps: tuple[float, int]) -> Alarm:
    parts = tuple((round(minute * MINUTE), level) for minute, level in steps)
    return Alarm(name, parts[0][0], parts[-1][0], parts, f"rule/{name}")


def _desk(told_days: list[float], *, days: float, n_sensors: int = 10, n_calm: int = 0) -> Desk:
    told_ns = np.array([round(each * DAY) for each in told_days], np.int64)
    return Desk(n_sensors, (0, round(days * DAY)), told_ns, round(days * DAY), n_calm, 0, 0, 0)


@pytest.mark.parametrize(
    ("alarms", "minutes"),
    [
        ([_alarm("x", (0, 2), (10, 3), (20, 2), (30, 3), (40, 4), (50, 0))], [0, 10, 40]),
        ([_alarm("x", (0, 2), (10, 0)), _alarm("x", (20, 2), (30, 0))], [0]),
        ([_alarm("x", (0, 2), (10, 0)), _alarm("x", (20, 3), (30, 0))], [0, 20]),
        ([_alarm("x", (0, 2), (10, 0)), _alarm("x", (40, 2), (50, 0))], [0, 40]),
        ([_alarm("x", (0, 2), (10, 0)), _alarm("y", (5, 2), (15, 0))], [0]),
        ([_alarm("x", (0, 2), (10, 0)), _alarm("y", (5, 3), (15, 0))], [0, 5]),
        ([_alarm("x", (0, 2), (10, 0)), _alarm("z", (5, 2), (15, 0))], [0, 5]),
    ],
    ids=[
        "escalates only",
        "back before it settled",
        "back and higher",
        "raised again",
        "same asset",
        "same asset, higher",
        "another asset",
    ],
)
def test_announced_tells_what_is_new(alarms, minutes):
    """Raised and higher levels; of one asset only what is not known."""
    assert minutes == (announced(alarms, ASSETS)[0] // MINUTE).tolist()


def test_announced_of_a_chattering_alarm_tells_once():
    """Raised five times within a minute: from the second time on it is known to chatter."""
    alarms = [_alarm("x", (9 + 0.1 * i, 2), (9 + 0.1 * i + 0.05, 0)) for i in range(5)]

    told, n_chattering, _ = announced(alarms, ASSETS)

    assert ([9], 1) == ((told // MINUTE).tolist(), n_chattering)


def test_announced_counts_what_another_sensor_tells_again_soon_and_no_higher():
    """Twenty minutes after the end of all it is a repeat; at a higher level, after an hour or by the same it is not."""
    first = _alarm("x", (0, 2), (10, 0))
    again, higher, later = ((first, _alarm("y", *each)) for each in (((30, 2),), ((30, 3),), ((70, 2),)))
    same = (first, _alarm("x", (30, 2), (40, 0)))

    assert [1, 0, 0, 0] == [announced(each, ASSETS)[2] for each in (again, higher, later, same)]


def test_desk_tells_calm_time_from_events_and_as_long_behind_them():
    """Of ten hours one is an event and one follows it; two of three announcements are calm."""
    time_ns = np.arange(601, dtype=np.int64) * MINUTE
    register = register_of("site", [sensor("M", "D", "x", LEVEL, 60.0)])
    event = Event(120 * MINUTE, 180 * MINUTE)
    recording = Recording("made", register, {"level": LEVEL}, time_ns, np.zeros((601, 1)), (event,), (0, 600 * MINUTE))
    alarms = [
        Alarm("D.x", round(at * MINUTE), (at + 5) * MINUTE, ((at * MINUTE, 2), ((at + 5) * MINUTE, 0)), "a/D.x")
        for at in (30, 200, 400)
    ]

    got = desk(recording, alarms)

    assert (3, 2, 480 * MINUTE) == (len(got.told_ns), got.n_calm, got.calm_ns)


def test_city_daily_weighs_rates_by_their_share():
    """One announcement in a hundred sensor-days and one in ten, in shares of 0.36 and 0.15."""
    desks = {"methane_aded": [_desk([1.0], days=10)], "ltown_resim": [_desk([0.5], days=1)]}

    got = city_daily(desks, is_calm=False)

    assert got == pytest.approx(100_000 * (0.36 * 0.01 + 0.15 * 0.1) / 0.51)


def test_city_daily_as_recorded_divides_everything_by_all_sensor_days():
    """Two announcements in a hundred and ten sensor-days."""
    desks = {"methane_aded": [_desk([1.0], days=10)], "ltown_resim": [_desk([0.5], days=1)]}

    assert city_daily(desks, is_calm=False, is_mixed=False) == pytest.approx(100_000 * 2 / 110)


def test_city_daily_of_calm_time_counts_only_that():
    """Nothing in calm time is nothing a day."""
    assert city_daily({"methane_aded": [_desk([1.0], days=10)]}, is_calm=True) == 0


def test_flood_share_is_nothing_where_sites_call_alone_and_all_where_they_call_together():
    """An operator's sites at different times are no flood; a site that says fifty things at once is one."""
    calm = {"methane_aded": [_desk([5.0], days=10, n_sensors=100)]}
    burst = {"methane_aded": [_desk([5.0 + i / 100_000 for i in range(50)], days=10, n_sensors=100)]}

    got = [flood_share(each, 100) for each in (calm, burst)]

    assert 0 == got[0]
    assert 0.005 < got[1] < 0.05
