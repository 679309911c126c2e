import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.errors import ConfigError
from config.geojson import assets_table, assets_text, features_of
from config.loading import load_table
from config.settings import packaged_district

POINT = """{"type": "FeatureCollection", "name": "x", "features": [
  {"type": "Feature", "id": "T-1", "geometry": {"type": "Point", "coordinates": [106.50, 29.5]},
   "properties": {"kind": "bridge", "floors": 3}},
  {"type": "Feature", "properties": {"id": 7}, "geometry": {"type": "LineString", "coordinates": []}}
]}"""


def test_features_of_collection_remember_their_lines() -> None:
    """A feature is found again at its line, with the id from either place."""
    features = features_of(POINT, "f")

    assert [(2, "T-1", "Point"), (4, "7", "LineString")] == [(f.line, f.id, f.geometry_kind) for f in features]


def test_assets_table_coordinates_keep_their_digits() -> None:
    """A coordinate is text until the register is checked: no digit is invented or lost."""
    row = assets_table(features_of(POINT, "f"), "f").rows[0]

    assert ("106.50", "29.5", "bridge", "") == (row["longitude"], row["latitude"], row["kind"], row["code"])


def test_assets_table_wrong_features_are_all_named() -> None:
    """A line where a point belongs and an unknown property are two problems with their lines."""
    problems = [str(problem) for problem in assets_table(features_of(POINT, "f"), "f").problems]

    assert 2 == len(problems)
    assert problems[0].startswith("f:2 floors: expected one of id, kind, ")
    assert problems[1].startswith("f:4 latitude: expected a Point, got LineString; give each asset one point")


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"features": 3}', '{"features": [{]}', '{"features": ['])
def test_features_of_other_text_is_refused(text: str) -> None:
    """What is no collection says so."""
    with pytest.raises(ConfigError, match="expected a GeoJSON FeatureCollection"):
        features_of(text, "f")


@given(st.text(alphabet='{}[]",: features0truel\\u', max_size=60))
def test_features_of_random_text_raises_nothing_but_config_errors(text: str) -> None:
    """No text crashes the reader."""
    with contextlib.suppress(ConfigError):
        features_of(text, "f")


def test_assets_text_read_again_is_the_same_table() -> None:
    """Assets survive the way to GeoJSON and back."""
    table = load_table(packaged_district() / "assets.csv", "assets")
    again = assets_table(features_of("".join(assets_text(table)), "f"), "f")

    assert [row.cells for row in table.rows] == [row.cells for row in again.rows]
    assert [] == list(again.problems)
