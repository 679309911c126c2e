"""GeoJSON (RFC 7946) as features that keep their line numbers, and assets as points.

Input: text.
Output: features, the table of assets, text.
Not responsible for: opening files.
Rejects: coordinates other than WGS84 longitude and latitude.
"""

import json
import re
from collections.abc import Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import cast

from config.errors import ConfigError, Problem
from config.register_rows import OPTIONAL_COLUMNS, TABLES
from config.tables import Row, Table

_COLUMNS = (*TABLES["assets"], *OPTIONAL_COLUMNS["assets"])
_PLACE = ("longitude", "latitude")
_SPACE = re.compile(r"[ \t\n\r]*")


@dataclass(frozen=True, slots=True)
class Feature:
    """One feature and the line that it begins at."""

    line: int
    id: str
    geometry_kind: str
    coordinates: object
    properties: Mapping[str, object]


def features_of(text: str, file: str) -> list[Feature]:
    """Return the features of the collection in `text`.

    Raises:
        ConfigError: not JSON, or not a FeatureCollection.
    """
    try:
        return [_feature(line, value) for line, value in _items(text)]
    except (ValueError, IndexError, RecursionError) as error:
        line = error.lineno if isinstance(error, json.JSONDecodeError) else 0
        remedy = "export it again as GeoJSON, a FeatureCollection"
        problem = Problem(file, line, "(document)", "a GeoJSON FeatureCollection", str(error)[:100], remedy)
        raise ConfigError([problem]) from error


def assets_table(features: Iterable[Feature], file: str) -> Table:
    """Return the points among `features` as rows of assets.csv: id and properties by name, coordinates as place."""
    rows: list[Row] = []
    problems: list[Problem] = []
    for feature in features:
        cells = dict.fromkeys(_COLUMNS, "")
        cells |= {name: _cell(value) for name, value in feature.properties.items() if name in cells}
        cells["id"] = cells["id"] or feature.id
        row = Row(file, feature.line, cells)
        rows.append(row)
        place = feature.coordinates
        if feature.geometry_kind == "Point" and isinstance(place, list) and len(place) >= len(_PLACE):
            cells |= {name: _cell(value) for name, value in zip(_PLACE, place, strict=False)}
        else:
            remedy = "give each asset one point, e.g. the middle of a pipe section"
            problems.append(row.problem("latitude", expected="a Point", got=feature.geometry_kind, remedy=remedy))
        unknown = sorted(set(feature.properties) - set(cells))
        expected = f"one of {', '.join(_COLUMNS)}"
        problems += [Problem(file, row.line, name, expected, "an unknown property", "remove it") for name in unknown]
    return Table(file, rows, problems)


def assets_text(table: Table) -> Iterator[str]:
    """Yield a FeatureCollection of the assets in `table`, one line a feature."""
    yield '{"type": "FeatureCollection", "features": [\n'
    for place, row in enumerate(table.rows):
        properties = {name: row[name] for name in _COLUMNS if name not in (*_PLACE, "id") and row[name]}
        # Coordinates are written as they stand in the file: a number that was parsed could be another text.
        point = ", ".join(row[name] for name in _PLACE)
        shown = json.dumps(properties, ensure_ascii=False)
        yield (
            f'{"," if place else ""}{{"type": "Feature", "id": {json.dumps(row["id"])}, "geometry": '
            f'{{"type": "Point", "coordinates": [{point}]}}, "properties": {shown}}}\n'
        )
    yield "]}\n"


def _items(text: str) -> Iterator[tuple[int, object]]:
    """Yield (line, value) of each item of the list `features` of the object in `text`."""
    # Numbers stay text: a coordinate keeps its digits, and none becomes infinite.
    decoder = json.JSONDecoder(parse_float=str, parse_int=str, parse_constant=str)
    place, found = _after(text, 0, "{"), False
    while text[place] != "}":
        key, place = decoder.raw_decode(text, place)
        place = _after(text, place, ":")
        if key != "features":
            _, place = decoder.raw_decode(text, place)
        else:
            found = True
            place = yield from _list(text, place, decoder)
        place = _skip(text, place)
        if text[place] == ",":
            place = _skip(text, place + 1)
    if not found:
        raise ValueError("no list of features")


def _list(text: str, place: int, decoder: json.JSONDecoder) -> Generator[tuple[int, object], None, int]:
    place, line, counted = _after(text, place, "["), 1, 0
    while text[place] != "]":
        line, counted = line + text.count("\n", counted, place), place
        value, place = decoder.raw_decode(text, place)
        yield line, value
        place = _skip(text, place)
        if text[place] == ",":
            place = _skip(text, place + 1)
    return place + 1


def _after(text: str, place: int, mark: str) -> int:
    place = _skip(text, place)
    if text[place] != mark:
        raise json.JSONDecodeError(f"expected {mark}", text, place)
    return _skip(text, place + 1)


def _skip(text: str, place: int) -> int:
    found = _SPACE.match(text, place)
    return found.end() if found else place


def _feature(line: int, value: object) -> Feature:
    feature = _mapping(value)
    geometry, properties = _mapping(feature.get("geometry")), _mapping(feature.get("properties"))
    name = _cell(feature.get("id") or properties.get("id"))
    return Feature(line, name, _cell(geometry.get("type")) or "nothing", geometry.get("coordinates"), properties)


def _mapping(value: object) -> Mapping[str, object]:
    return cast("Mapping[str, object]", value) if isinstance(value, dict) else {}


def _cell(value: object) -> str:
    return "" if value is None else str(value).strip()
