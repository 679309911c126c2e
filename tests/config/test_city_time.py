"""The time zone of the city."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.city_time import CityTime, is_time_zone
from config.time_units import HOUR_NS, SECOND_NS

ZONES = ("Asia/Shanghai", "Europe/Berlin", "America/Goose_Bay", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC")


@given(name=st.sampled_from(ZONES), times_s=st.lists(st.integers(86_400 * 1000, 4_000_000_000), max_size=20))
def test_columns_of_local_time_are_those_of_the_time_zone_database(name, times_s):
    """Each local time of a column is the one that `datetime` gives."""
    zone = ZoneInfo(name)
    naive = [datetime.fromtimestamp(each, UTC).astimezone(zone).replace(tzinfo=UTC) for each in times_s]
    expected = [round(each.timestamp()) for each in naive]

    assert expected == CityTime(name).local_s(np.array(times_s, np.int64) * SECOND_NS).tolist()


@pytest.mark.parametrize(("minutes", "hour"), [(-1, 1 + 59 / 60), (0, 3.0), (59, 3 + 59 / 60)])
def test_hour_of_day_on_the_day_of_summer_time_leaps_forward(minutes, hour):
    """In Berlin the hour from 02:00 to 03:00 does not exist on 2026-03-29."""
    moment = datetime(2026, 3, 29, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    time_ns = np.array([round(moment.timestamp())], np.int64) * SECOND_NS

    assert [pytest.approx(hour)] == CityTime("Europe/Berlin").hour_of_day(time_ns).tolist()


def test_hour_of_day_keeps_parts_of_a_second():
    """Half a second after midnight is not midnight."""
    midnight_ns = -8 * HOUR_NS % (24 * HOUR_NS)

    assert CityTime().hour_of_day(np.array([midnight_ns + SECOND_NS // 2]))[0] == pytest.approx(0.5 / 3600)


@pytest.mark.parametrize(("name", "hours"), [("Asia/Shanghai", 8), ("Europe/Berlin", 1), ("Asia/Kathmandu", 5.75)])
def test_standard_offset_leaves_summer_time_out(name, hours):
    """Rules count by standard time, which never jumps."""
    assert hours == CityTime(name).standard_offset_h


@pytest.mark.parametrize("name", ["Chongqing", "", "../etc/passwd", "/etc/localtime", "Asia", "\0"])
def test_name_that_the_database_does_not_have_is_no_time_zone(name):
    """Only names of the database are time zones."""
    assert not is_time_zone(name)
    with pytest.raises((ZoneInfoNotFoundError, ValueError, OSError)):
        CityTime(name)
