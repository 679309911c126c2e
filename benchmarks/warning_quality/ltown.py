"""I/O: reads a simulated year of a water network with leaks: 33 pressures, metres of water, every 5 min.

Comes in: its folder. Goes out: one recording. The model is EPANET's, demand and leaks are those
of a public competition (BattLeDIM 2019), made again with noise; no score here is one of that competition.

An event is one leak. It lasts a week from its begin if it is abrupt, and 75 days if it grows. Only an alarm that begins
in that time at one of the five sensors nearest to it counts. The first 13 days are for learning.
"""

import csv
import gzip
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from benchmarks.warning_quality.episodes import Alarm, Event, Matching, score
from benchmarks.warning_quality.replay import Recording, quantity, register_of, sensor
from config.time_units import DAY_NS, SECOND_NS

MATCHING = Matching(merge_ns=0, onset=True, by_sensor=True)
RULES = ("water_zone", "water_sigma")
_WARM_NS = 13 * DAY_NS
_WITHIN_DAYS = {"abrupt": 7, "incipient": 75}


def read(folder: Path) -> list[Recording]:
    """Return the recording."""
    with gzip.open(folder / "pressures_2019_5min.csv.gz", "rt", encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    time_ns = np.array([_ns(row[0]) for row in rows], np.int64)
    value = np.array([row[1:] for row in rows], np.float64)
    head = quantity("water_pressure", 0.0, 200.0, 2, "mH2O")
    sensors = [sensor("ZONE", "RTU1", name, head, 300.0, 7200.0) for name in header[1:]]
    span_ns = int(time_ns[0]) + _WARM_NS, int(time_ns[-1])
    register, quantities = register_of("water", sensors), {head.name: head}
    return [Recording("ltown_resim", register, quantities, time_ns, value, tuple(_leaks(folder)), span_ns)]


def own_score(said: Sequence[tuple[Recording, Sequence[Alarm]]]) -> str:
    """Return how soon abrupt leaks were found: those that are looked for for a week at most."""
    [(recording, alarms)] = said
    abrupt = [each for each in recording.events if each.end_ns - each.begin_ns <= _WITHIN_DAYS["abrupt"] * DAY_NS]
    got = score(alarms, abrupt, recording.scored_ns, len(recording.register.sensors), MATCHING)
    return f"abrupt {got.found}/{got.events}, median {got.delay_s(0.5) / 3600:.1f} h"


def _leaks(folder: Path) -> Iterator[Event]:
    with (folder / "nearest5_sensors.csv").open(encoding="utf-8", newline="") as file:
        near = {row[0]: frozenset(f"RTU1.{name}" for name in row[1:]) for row in csv.reader(file)}
    with (folder / "events_2019.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            begin_ns = _ns(row["start"])
            last_ns = min(_ns(row["end"]), begin_ns + _WITHIN_DAYS[row["type"]] * DAY_NS)
            yield Event(begin_ns, last_ns, near[row["pipe"]])


def _ns(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * SECOND_NS
