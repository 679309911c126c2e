"""I/O: reads a week of methane around controlled releases (wsdaniels/DLQ): eight sensors, ppm, every minute.

Comes in: its folder. Goes out: one recording. An event is one release; the first six hours are for learning.
"""

import csv
import gzip
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from benchmarks.warning_quality.episodes import Event, Matching
from benchmarks.warning_quality.replay import Recording, quantity, register_of, sensor
from config.time_units import SECOND_NS

MATCHING = Matching(grace_ns=30 * 60_000_000_000)
RULES = ("gas", "gas_limits")
_WARM_NS = 6 * 3600 * SECOND_NS
_COLUMN = "ch4_ppm_"


def read(folder: Path) -> list[Recording]:
    """Return the recording."""
    with gzip.open(folder / "ch4_1min.csv.gz", "rt", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    names = [name.removeprefix(_COLUMN) for name in rows[0] if name.startswith(_COLUMN)]
    ppm = quantity("methane_ppm", -1.0, 50_000.0, 2, "ppm")
    sensors = [sensor("S1", name, "ch4", ppm, 60.0, 900.0) for name in names]
    time_ns = np.array([_ns(row["time_utc"]) for row in rows], np.int64)
    value = np.array([[_number(row[_COLUMN + name]) for name in names] for row in rows])
    scored_ns = int(time_ns[0]) + _WARM_NS, int(time_ns[-1])
    events = tuple(each for each in _releases(folder) if each.end_ns > scored_ns[0])
    return [Recording("methane_aded", register_of("gas", sensors), {ppm.name: ppm}, time_ns, value, events, scored_ns)]


def _releases(folder: Path) -> list[Event]:
    with (folder / "controlled_releases_in_window.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return [Event(_ns(row["tc_ExpStartDatetime"]), _ns(row["tc_ExpEndDatetime"])) for row in rows]


def _number(text: str) -> float:
    return float(text) if text not in {"", "NA", "nan"} else np.nan


def _ns(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * SECOND_NS
