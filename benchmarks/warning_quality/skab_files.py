"""I/O: reads the files of SKAB, the Skoltech anomaly benchmark.

Comes in: its folder `data`. Goes out: runs of eight channels with the marks of each row.
"""

import csv
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from config.time_units import SECOND_NS

LEARNED_ROWS = 400
"""Of each run the leaderboard learns from so many rows and scores the others."""
_PARTS = ("valve1", "valve2", "other")


@dataclass(frozen=True, slots=True)
class SkabRun:
    """One file."""

    name: str
    channels: tuple[str, ...]
    time_ns: NDArray[np.int64]
    value: NDArray[np.float64]
    """[n rows, n channels]"""
    anomaly: NDArray[np.bool_]
    change: NDArray[np.bool_]


def read_skab(folder: Path) -> list[SkabRun]:
    """Return all runs with an anomaly, in the order of their names."""
    return [_read(path, f"{part}/{path.stem}") for part in _PARTS for path in sorted((folder / part).glob("*.csv"))]


def _read(path: Path, name: str) -> SkabRun:
    with path.open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file, delimiter=";")
    times = [datetime.fromisoformat(row[0]).replace(tzinfo=UTC).timestamp() for row in rows]
    numbers = np.array([[float(cell) for cell in row[1:]] for row in rows])
    return SkabRun(
        name,
        tuple(header[1:-2]),
        np.round(np.array(times)).astype(np.int64) * SECOND_NS,
        numbers[:, :-2],
        numbers[:, -2] > 0,
        numbers[:, -1] > 0,
    )
