"""A city of the published size as files to import, for the benchmark of the register.

Comes in: a folder. Goes out: CSV tables and the polygons of the grids. The same city each time.
"""

import json
import random
from collections.abc import Iterator
from pathlib import Path

from config.codes import check_character
from config.loading import packaged_tables
from config.register_rows import RiskLevel

BUILDINGS, CONTACTS, HAZARD_POINTS = 40_000, 100_000, 30_000
STREETS, COMMUNITIES, GRIDS = 1_031, 11_000, 65_000
"""The counts that the city publishes; three sensors a building make 120,000."""
_COLUMNS = 256
"""Grids lie in rows of so many squares."""
_WEST, _SOUTH, _SIZE = 106.0, 28.0, 0.005
_HEADERS = {
    "regions": "id,kind,parent,name_zh,name_en",
    "assets": "id,kind,domain,name_zh,name_en,region,latitude,longitude,code,hazard_class,risk_level",
    "sensors": "id,asset,device,channel,quantity,unit,cadence_s,stale_after_s,heartbeat",
    "contacts": "id,name_zh,name_en,phone,language",
    "duties": "asset,role,contact",
}


def write_city(folder: Path) -> None:
    """Write a city of the published size into `folder`.

    Every building has a code with its check character, three sensors and three people; every hazard point one of the
    packaged classes, a level and an owner. Nothing says which grid it stands in: the polygons do.
    """
    folder.mkdir(parents=True)
    rows = {
        "regions": _regions(),
        "assets": _assets(),
        "sensors": _sensors(),
        "contacts": _contacts(),
        "duties": _duties(),
    }
    for name, lines in rows.items():
        with (folder / f"{name}.csv").open("w", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in [_HEADERS[name], *lines])
    with (folder / "boundaries.geojson").open("w", encoding="utf-8") as file:
        file.write('{"type": "FeatureCollection", "features": [\n')
        file.write(",\n".join(_polygon(i) for i in range(GRIDS)))
        file.write("\n]}\n")


def _regions() -> Iterator[str]:
    yield "C,city,,市,City"
    yield from (f"D{i},district,C,区{i},District {i}" for i in range(40))
    yield from (f"S{i},street,D{i % 40},街道{i},Street {i}" for i in range(STREETS))
    yield from (f"M{i},community,S{i % STREETS},社区{i},Community {i}" for i in range(COMMUNITIES))
    yield from (f"G{i},grid,M{i % COMMUNITIES},网格{i},Grid {i}" for i in range(GRIDS))


def _assets() -> Iterator[str]:
    dice = random.Random(1)  # noqa: S311 - the same city each time
    for i in range(BUILDINGS):
        body = f"YZ{i:06}"
        code = body + check_character(body)
        yield f"T-{i:05},residential_tower,fire,楼{i},Tower {i},,{_place(dice)},{code},,"
    classes = [row["id"] for row in packaged_tables()["hazard_classes"].rows]
    levels = [level.value for level in RiskLevel]
    for i in range(HAZARD_POINTS):
        names, listed = f"隐患点{i},Hazard point {i}", f"{classes[i % len(classes)]},{levels[i % len(levels)]}"
        yield f"H-{i:05},hazard_point,geo,{names},,{_place(dice)},,{listed}"


def _place(dice: random.Random) -> str:
    """Return latitude and longitude of the middle of a grid."""
    row, column = divmod(dice.randrange(GRIDS), _COLUMNS)
    return f"{_SOUTH + (row + 0.5) * _SIZE:.6f},{_WEST + (column + 0.5) * _SIZE:.6f}"


def _sensors() -> Iterator[str]:
    for i in range(BUILDINGS):
        asset, device = f"T-{i:05}", f"FT-{i:05}"
        beat = f"{device}.heartbeat"
        yield f"{device}.pressure_kpa,{asset},{device},pressure_kpa,fire_water_pressure,kPa,60,,{beat}"
        yield f"{beat},{asset},{device},heartbeat,heartbeat,count,60,,"
        yield f"{device}.bat,{asset},{device},bat,battery,%,3600,,{beat}"


def _contacts() -> Iterator[str]:
    return (f"P{i},人{i},Person {i},+86138{i:08},zh" for i in range(CONTACTS))


def _duties() -> Iterator[str]:
    for i in range(BUILDINGS):
        for place, role in enumerate(("responsible", "manager", "maintenance")):
            yield f"T-{i:05},{role},P{(i * 3 + place) % CONTACTS}"
    yield from (f"H-{i:05},responsible,P{(i * 7) % CONTACTS}" for i in range(HAZARD_POINTS))


def _polygon(i: int) -> str:
    row, column = divmod(i, _COLUMNS)
    west, south = _WEST + column * _SIZE, _SOUTH + row * _SIZE
    east, north = west + _SIZE, south + _SIZE
    corners = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    ring = json.dumps([[round(x, 6), round(y, 6)] for x, y in corners])
    return (
        f'{{"type": "Feature", "id": "G{i}", "properties": {{}}, '
        f'"geometry": {{"type": "Polygon", "coordinates": [{ring}]}}}}'
    )
