"""Lines that a parser of the reference grammar reads back exactly."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.history.blocks import raw_readings
from collector.history.line_protocol import lines, prefixes, quote_identifier, quote_text
from config.register import Asset, Register, Sensor

NAME = st.text(st.characters(categories=["L", "N", "P", "S", "Zs"]), min_size=1, max_size=12).filter(
    lambda name: name.isprintable() and not name.endswith("\\")
)
_PART = re.compile(r"((?:[^\\,= ]|\\.|\\)+?)(?==|,|$)")


def _register(sensor_id, asset_id="T-1", domain="fire", quantity="temperature"):
    asset = Asset(asset_id, "k", domain, "z", "e", "r", 0.0, 0.0)
    sensor = Sensor(sensor_id, asset_id, "d", "c", quantity, 1.0, 0.0, 1.0, 3.0, "")
    return Register({}, {asset_id: asset}, [sensor], {}, [])


def _unescaped(text, specials):
    """Return `text` as the reference says: a backslash counts only before a special character."""
    return re.sub(rf"\\([{re.escape(specials)}])", r"\1", text)


def _split(text, separator):
    """Split at `separator` where no backslash stands before it."""
    return re.split(rf"(?<!\\){re.escape(separator)}", text)


def _line(sensor_id="FT-1.p", value=1.5, quality=0, time_ns=1, **names):
    readings = raw_readings(np.array([0]), np.array([time_ns]), np.array([value]), np.array([quality]))
    return lines(prefixes(_register(sensor_id, **names)), readings)[0]


def test_line_plain_names_is_measurement_tags_fields_time():
    """The whole line as InfluxDB sees it."""
    assert "temperature,asset=T-1,domain=fire,sensor=FT-1.p value=1.5,quality=3i -7" == _line(quality=3, time_ns=-7)


@given(NAME, NAME, NAME)
def test_line_any_printable_name_is_read_back(sensor_id, asset_id, quantity):
    """Spaces, commas, equal signs, quotes and backslashes in names stay what they are."""
    line = _line(sensor_id, asset_id=asset_id, quantity=quantity)
    series, _fields, _time = _split(line, " ")
    measurement, *tags = _split(series, ",")
    found = dict(_split(tag, "=") for tag in tags)

    assert quantity == _unescaped(measurement, ", ")
    assert (asset_id, sensor_id) == tuple(_unescaped(found[key], ",= ") for key in ("asset", "sensor"))


@given(st.floats(allow_nan=False, allow_infinity=False), st.integers(-(2**63), 2**63 - 1))
def test_line_any_value_and_time_is_exact(value, time_ns):
    """The shortest text that gives the same float back, and every nanosecond."""
    _series, fields, time = _line(value=value, time_ns=time_ns).split(" ")

    assert (repr(value), str(time_ns)) == (fields.removeprefix("value=").removesuffix(",quality=0i"), time)


@pytest.mark.parametrize("name", ["", "two\nlines", "tab\t", "end\\", "nul\0"])
def test_prefixes_name_that_cannot_be_written_is_refused(name):
    """A name that could end its line or escape what follows stops the start, not a write."""
    with pytest.raises(ValueError, match="printable"):
        prefixes(_register(name))


@pytest.mark.parametrize(
    ("quote", "text", "expected"),
    [
        (quote_text, "FT-1", "'FT-1'"),
        (quote_text, "a' OR 'x'='x", "'a\\' OR \\'x\\'=\\'x'"),
        (quote_text, "end\\", "'end\\\\'"),
        (quote_identifier, 'm"; DROP MEASUREMENT m', '"m\\"; DROP MEASUREMENT m"'),
        (quote_identifier, "a\nb", '"a\\nb"'),
    ],
)
def test_quote_text_cannot_leave_its_quotes(quote, text, expected):
    """Nothing in a name becomes InfluxQL."""
    assert expected == quote(text)
