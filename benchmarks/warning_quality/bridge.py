"""I/O: reads strain and air temperature of a test bridge with a support lowered three times (munich-bridge-data).

Comes in: its folder. Goes out: recordings of means of ten seconds of the 100 Hz. They are ten minutes of reference, the
day of a truck on the bridge, and of three lowerings. The truck crosses after each lowering; the order is that in which
they happened. Air stands still in the reference, because it was not measured. Each run of the truck is a recording by
itself too, so that nothing hides its own alarms. There, no alarm of a lowering still stands, and no rule begins anew
after one.

An event is one lowering; an alarm must begin in it, and is in time before half of the shift. Times of the strain are
those of the rows (day and month swapped by the authors). Times of the air are those of its own files.
"""

import csv
import io
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.warning_quality.episodes import Event, Matching
from benchmarks.warning_quality.replay import Recording, quantity, register_of, sensor
from config.levels import WarningLevel
from config.time_units import SECOND_NS

MATCHING = Matching(merge_ns=10 * 60_000_000_000, onset=True)
RULES = ("bridge", "bridge_limits")
_STEP_NS = 10 * SECOND_NS
_PREFIX, _SUFFIX = "UniBw_2022-04-11_", "DMS_CNAt100Hz.csv.zip"
_PARTS = (
    "ref_support_load_01",
    "support_01_lowering_01",
    "support_load_01",
    "support_02_lowering",
    "support_load_02",
    "support_03_lowering",
    "support_load_03",
)
Column = tuple[NDArray[np.int64], NDArray[np.float64]]


def read(folder: Path) -> list[Recording]:
    """Return the recordings."""
    parts = [_strain(folder / f"{_PREFIX}{part}{_SUFFIX}", swapped=True) for part in _PARTS]
    time_ns, strain = (np.concatenate(each) for each in zip(*parts, strict=True))
    air = np.interp(time_ns, *_air(folder / "TemperatureData2022-04-11.zip"))
    events = tuple(_lowering(t, e) for part, (t, e) in zip(_PARTS, parts, strict=True) if "lowering" in part)
    runs = [(t, e) for part, (t, e) in zip(_PARTS, parts, strict=True) if "lowering" not in part]
    before = _strain(folder / f"ReferenceState{_SUFFIX}", swapped=False)
    still = np.full(len(before[0]), air[0])
    whole = [_recording("reference", *before, still, ()), _recording("day", time_ns, strain, air, events)]
    alone = [_recording(f"truck_{i}", t, e, air[np.searchsorted(time_ns, t)], ()) for i, (t, e) in enumerate(runs)]
    return whole + alone


def _recording(
    name: str,
    time_ns: NDArray[np.int64],
    strain: NDArray[np.float64],
    air: NDArray[np.float64],
    events: tuple[Event, ...],
) -> Recording:
    heat = quantity("air_temperature", -40.0, 60.0, 1, "degC")
    ue = quantity("strain", -3000.0, 3000.0, 1, "um/m")
    sensors = [sensor("B1", "B1", channel, of, 10.0, 60.0) for channel, of in (("air", heat), ("strain", ue))]
    quantities = {each.name: each for each in (heat, ue)}
    value, span_ns = np.stack([air, strain], axis=1), (int(time_ns[0]), int(time_ns[-1]))
    return Recording(name, register_of("bridge", sensors), quantities, time_ns, value, events, span_ns)


def _lowering(time_ns: NDArray[np.int64], strain: NDArray[np.float64]) -> Event:
    """Return the event of a lowering, which should be yellow before it has come half of its way."""
    smooth = np.convolve(np.pad(strain, 1, mode="edge"), np.ones(3) / 3, "valid")
    half = (np.mean(strain[:3]) + np.mean(strain[-3:])) / 2
    within_s = float(time_ns[np.flatnonzero(smooth >= half)[0]] - time_ns[0]) / 1e9
    return Event(int(time_ns[0]), int(time_ns[-1]), level=WarningLevel.YELLOW, within_s=within_s)


def _strain(path: Path, *, swapped: bool) -> Column:
    """Return means of ten seconds."""
    rows = _rows(path, "utf-8")
    written = "%Y-%d-%m %H:%M:%S.%f" if swapped else "%Y-%m-%d %H:%M:%S.%f"
    first_ns, last_ns = (_ns(rows[i][0], written) for i in (0, -1))
    value = np.array([float(row[1]) for row in rows])
    time_ns = np.linspace(first_ns, last_ns, len(value)).astype(np.int64)
    return _means(time_ns, value)


def _air(path: Path) -> Column:
    """Return all readings of the air, in the order of their times."""
    with zipfile.ZipFile(path) as archive:
        rows = [row for name in archive.namelist() for row in _parsed(archive.read(name).decode("latin-1"))]
    pairs = sorted((_ns(row[0], "%d.%m.%Y %H:%M:%S.%f"), float(row[1])) for row in rows)
    return _means(np.array([t for t, _ in pairs], np.int64), np.array([v for _, v in pairs]))


def _means(time_ns: NDArray[np.int64], value: NDArray[np.float64]) -> Column:
    """Return the mean of each step that has values, at its end."""
    step, part = np.unique(time_ns // _STEP_NS, return_inverse=True)
    return (step + 1) * _STEP_NS, np.bincount(part, value) / np.bincount(part)


def _rows(path: Path, encoding: str) -> list[list[str]]:
    with zipfile.ZipFile(path) as archive:
        [name] = [each for each in archive.namelist() if not each.startswith("__MACOSX")]
        return _parsed(archive.read(name).decode(encoding))


def _parsed(text: str) -> list[list[str]]:
    return [row for row in csv.reader(io.StringIO(text)) if row][1:]


def _ns(text: str, written: str) -> int:
    return round(datetime.strptime(text, written).replace(tzinfo=UTC).timestamp() * 1000) * 1_000_000
