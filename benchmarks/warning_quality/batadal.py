"""I/O: reads a simulated water network with attacks on its control (BATADAL): 43 tags, hourly.

Comes in: its folder. Goes out: one recording: a clean year for learning, then half a year with seven attacks, which is
scored. Its own score is S: half of how soon attacks are found, half of how many hours are judged right.
"""

import csv
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from benchmarks.warning_quality.episodes import Alarm, Event, Matching, covered
from benchmarks.warning_quality.replay import Recording, quantity, register_of, sensor
from config.time_units import HOUR_NS, SECOND_NS

MATCHING = Matching(merge_ns=6 * 3_600_000_000_000)
RULES = ("water_control", "water_control_sigma")


def read(folder: Path) -> list[Recording]:
    """Return the recording."""
    parts = [_rows(folder / f"BATADAL_dataset0{i}.csv") for i in (3, 4)]
    tags = [name.strip() for name in parts[0][0] if name.strip() not in {"DATETIME", "ATT_FLAG"}]
    rows = [row for part in parts for row in part]
    time_ns = np.array([_ns(row["DATETIME"]) for row in rows], np.int64)
    value = np.array([[float(row[tag]) for tag in tags] for row in rows])
    tag = quantity("tag", -1000.0, 10_000.0, 2)
    sensors = [sensor("PLANT", "SCADA", name, tag, 3600.0, 43_200.0) for name in tags]
    with (folder / "attacks_dataset04.csv").open(encoding="utf-8", newline="") as file:
        attacks = [Event(_iso(row["start"]), _iso(row["end"])) for row in csv.DictReader(file)]
    span_ns = int(time_ns[len(parts[0])]), int(time_ns[-1])
    register = register_of("water", sensors)
    return [Recording("batadal", register, {"tag": tag}, time_ns, value, tuple(attacks), span_ns)]


def own_score(said: Sequence[tuple[Recording, Sequence[Alarm]]]) -> str:
    """Return S, and false episodes are in the other columns."""
    [(recording, alarms)] = said
    hours = np.arange(*recording.scored_ns, HOUR_NS)
    attacked = covered(hours, [(each.begin_ns, each.end_ns) for each in recording.events])
    told = covered(hours, [(each.begin_ns, each.end_ns) for each in alarms])
    rates = [float((told == truth)[attacked == truth].mean()) for truth in (True, False)]
    missed = []
    for each in recording.events:
        inside = told & (hours >= each.begin_ns) & (hours <= each.end_ns)
        first = hours[inside][0] if inside.any() else each.end_ns
        missed.append((first - each.begin_ns) / (each.end_ns - each.begin_ns))
    return f"S {0.5 * (1 - float(np.mean(missed))) + 0.25 * sum(rates):.3f}"


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return [{name.strip(): cell for name, cell in row.items()} for row in csv.DictReader(file)]


def _ns(text: str) -> int:
    return round(datetime.strptime(text, "%d/%m/%y %H").replace(tzinfo=UTC).timestamp()) * SECOND_NS


def _iso(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * SECOND_NS
