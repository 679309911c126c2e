"""I/O: reads the files of the Numenta Anomaly Benchmark.

Comes in: the folder with `data` and `labels`. Goes out: series with the places of their windows.
"""

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from config.time_units import SECOND_NS


@dataclass(frozen=True, slots=True)
class NabSeries:
    """One file."""

    name: str
    time_ns: NDArray[np.int64]
    value: NDArray[np.float64]
    windows: tuple[tuple[int, int], ...]
    """First and last row of each."""


def read_nab(folder: Path) -> list[NabSeries]:
    """Return all series of `folder`, in the order of their names."""
    windows = json.loads((folder / "labels" / "combined_windows.json").read_text(encoding="utf-8"))
    return list(_read(folder, windows))


def _read(folder: Path, windows: dict[str, list[tuple[str, str]]]) -> Iterator[NabSeries]:
    for name in sorted(windows):
        with (folder / "data" / name).open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        time_ns = np.array([_ns(row["timestamp"]) for row in rows], np.int64)
        value = np.array([float(row["value"]) for row in rows])
        places = [
            (int(np.searchsorted(time_ns, _ns(begin))), int(np.searchsorted(time_ns, _ns(end))))
            for begin, end in windows[name]
        ]
        yield NabSeries(name, time_ns, value, tuple(places))


def _ns(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * SECOND_NS
