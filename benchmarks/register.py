"""The register of a whole city: import, start, and what both cost in memory.

usage: python -m benchmarks.register import|start FOLDER   prints {"elapsed_s", "cpu_s", "rss_mb"} as JSON
"""

import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from rich.progress import Progress

from benchmarks.figures import Figure
from config.codes import check_character
from config.settings import Settings, packaged_district
from lifeline.app import App
from lifeline.configuration import load_configuration
from lifeline.importing import import_into

BUILDINGS, CONTACTS = 40_000, 100_000
STREETS, COMMUNITIES, GRIDS = 1_031, 11_000, 65_000
"""The counts that the city publishes; three sensors a building make 120,000."""
_COLUMNS = 256
"""Grids lie in rows of so many squares."""
_WEST, _SOUTH, _SIZE = 106.0, 28.0, 0.005
_HEADERS = {
    "regions": "id,kind,parent,name_zh,name_en",
    "assets": "id,kind,domain,name_zh,name_en,region,latitude,longitude,code",
    "sensors": "id,asset,device,channel,quantity,unit,cadence_s,stale_after_s,heartbeat",
    "contacts": "id,name_zh,name_en,phone,language",
    "duties": "asset,role,contact",
}


def measure() -> Iterator[Figure]:
    """Yield what an import and a start with it cost."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_city(folder / "source")
        imported = _child("import", folder)
        yield Figure("register_import", imported["elapsed_s"], "s", "< 60: 40,000 buildings, 120,000 sensors")
        yield Figure("register_import_cpu", imported["cpu_s"], "s")
        yield Figure("register_import_memory", imported["rss_mb"], "MiB", "< 1024")
        started = _child("start", folder)
        yield Figure("register_start", started["elapsed_s"], "s", "< 20: from nothing to a program built")
        yield Figure("register_start_cpu", started["cpu_s"], "s")
        yield Figure("register_start_memory", started["rss_mb"], "MiB")


def write_city(folder: Path) -> None:
    """Write a city of the published size: every building with a code, three sensors and three people."""
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
        row, column = divmod(dice.randrange(GRIDS), _COLUMNS)
        latitude, longitude = _SOUTH + (row + 0.5) * _SIZE, _WEST + (column + 0.5) * _SIZE
        body = f"YZ{i:06}"
        code = body + check_character(body)
        yield f"T-{i:05},residential_tower,fire,楼{i},Tower {i},,{latitude:.6f},{longitude:.6f},{code}"


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


def _child(step: str, folder: Path) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.register", step, str(folder)]
    result = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, timeout=600)
    report: dict[str, float] = json.loads(result.stdout.splitlines()[-1])
    return report


def _import(folder: Path) -> None:
    import_into(folder / "district", [folder / "source"], Progress(disable=True), dry_run=False)
    for name in ("rules.yaml", "routes.yaml"):
        (folder / "district" / name).write_bytes((packaged_district() / name).read_bytes())


def _start(folder: Path) -> None:
    sms = {"name": "sms", "kind": "sms", "options": {"url": "http://127.0.0.1:9/x", "username": "u", "password": "p"}}
    sections = {
        "data_dir": folder / "state",
        "district": folder / "district",
        "console": {"port": 0},
        "channels": [sms],
    }
    App(load_configuration(Settings.model_validate(sections))).stop()


def main() -> None:
    """Do one step and print what it cost."""
    begin, begin_cpu = time.monotonic(), time.process_time()
    {"import": _import, "start": _start}[sys.argv[1]](Path(sys.argv[2]))
    rss_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    cost = {"elapsed_s": time.monotonic() - begin, "cpu_s": time.process_time() - begin_cpu, "rss_mb": rss_mb}
    print(json.dumps(cost), flush=True)


if __name__ == "__main__":
    main()
