"""I/O: readings of the past from CSV files with the columns time, sensor and value.

Input: paths, register, quantities and a span of time.
Output: chunks in the order of time. At most some rows of each file are in memory.
Not responsible for: sorting a file.
Rejects: a file that cannot be read, and a row out of the order of time, with its line.

Times are RFC 3339 with a zone, or seconds since 1970 when the column holds numbers. Values are as the device sends
them. Scale and offset of the register are applied, and the range of the quantity is checked, as in the intake.
"""

import contextlib
import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from collector.checks.out_of_range import flag_range
from collector.payload import PayloadError
from collector.wire.timestamps import rfc3339_to_ns
from config.quantities import Quantity
from config.register import Register
from lifeline.backtest.recorded_readings import TimeSpan
from lifeline.backtest.stream import ReadingChunk
from lifeline.start_error import StartError

_ROWS = 100_000
"""Rows of each file held at a time."""
_LAST_NS = (1 << 63) - 1
_COLUMNS = ("time", "sensor", "value")


@dataclass(frozen=True, slots=True)
class _Rows:
    """Columns of one file in the order of time."""

    sensor: NDArray[np.int32]
    time_ns: NDArray[np.int64]
    value: NDArray[np.float64]

    def then(self, other: "_Rows") -> "_Rows":
        """Return these and then the others."""
        return _Rows(
            np.concatenate((self.sensor, other.sensor)),
            np.concatenate((self.time_ns, other.time_ns)),
            np.concatenate((self.value, other.value)),
        )

    def take(self, part: slice | NDArray[np.bool_]) -> "_Rows":
        """Return a part of them."""
        return _Rows(self.sensor[part], self.time_ns[part], self.value[part])


_NONE = _Rows(np.empty(0, np.int32), np.empty(0, np.int64), np.empty(0, np.float64))


def read_csv_files(
    paths: Sequence[Path], register: Register, quantities: Mapping[str, Quantity], span: TimeSpan
) -> Iterator[ReadingChunk]:
    """Yield the readings of the files in `span`, merged by time; rows of sensors outside the register are left out.

    Raises:
        StartError: a file cannot be read, or is not in the order of its times, with its line.
    """
    with contextlib.ExitStack() as undo:
        files = [_File(path, register, undo) for path in paths]
        yield from _merge_files(files, register, quantities, span)


def _merge_files(
    files: Sequence["_File"], register: Register, quantities: Mapping[str, Quantity], span: TimeSpan
) -> Iterator[ReadingChunk]:
    sensors = register.sensors
    scale, offset = np.array([each.scale for each in sensors]), np.array([each.offset for each in sensors])
    low = np.array([quantities[each.quantity].low for each in sensors])
    high = np.array([quantities[each.quantity].high for each in sensors])
    begin_ns = span.start_ns
    # All read on, not only those before the first that has something.
    while sum(file.fill() for file in files):
        until_ns = min(file.horizon_ns for file in files)
        rows = _NONE
        for file in files:
            rows = rows.then(file.take(until_ns))
        in_span = (rows.time_ns >= span.start_ns) & (rows.time_ns < span.end_ns)
        rows = rows.take(in_span & (rows.sensor >= 0) & np.isfinite(rows.value))
        value = rows.value * scale[rows.sensor] + offset[rows.sensor]
        quality = flag_range(value, low[rows.sensor], high[rows.sensor])
        end_ns = max(begin_ns, int(rows.time_ns.max(initial=0)) + 1)
        yield ReadingChunk(begin_ns, end_ns, rows.sensor, rows.time_ns, value, quality)
        begin_ns = end_ns


class _File:
    """One file, read ahead by some rows."""

    def __init__(self, path: Path, register: Register, undo: contextlib.ExitStack) -> None:
        self._path, self._index = path, register.sensor_index
        try:
            self._rows = csv.reader(undo.enter_context(path.open(encoding="utf-8-sig", newline="")))
            header = [name.strip() for name in next(self._rows, [])]
        except (OSError, UnicodeDecodeError) as error:
            raise StartError(f"{path}: expected a readable CSV file, got {error}") from error
        missing = [name for name in _COLUMNS if name not in header]
        if missing:
            raise StartError(f"{path}:1: expected the columns {','.join(_COLUMNS)}, got no {', '.join(missing)}")
        self._places = [header.index(name) for name in _COLUMNS]
        self._line = 1
        self._newest_ns = -_LAST_NS
        self._is_over = False
        self._held = _NONE

    @property
    def horizon_ns(self) -> int:
        """Everything before this time has been read."""
        return _LAST_NS if self._is_over else self._newest_ns

    def fill(self) -> bool:
        """Read on where nothing that is held is sure to be whole; False when nothing is left."""
        while not self._is_over and (not len(self._held.time_ns) or int(self._held.time_ns[0]) >= self._newest_ns):
            rows = list(islice(self._rows, _ROWS))
            self._is_over = len(rows) < _ROWS
            if rows:
                self._held = self._held.then(self._parse_rows(rows))
                self._newest_ns = int(self._held.time_ns[-1])
                self._line += len(rows)
        return bool(len(self._held.time_ns))

    def take(self, until_ns: int) -> _Rows:
        """Return the held rows before `until_ns`."""
        cut = int(np.searchsorted(self._held.time_ns, until_ns))
        taken, self._held = self._held.take(slice(cut)), self._held.take(slice(cut, None))
        return taken

    def _parse_rows(self, rows: Sequence[Sequence[str]]) -> _Rows:
        """Return the columns of `rows`; only after a failure are they read row by row, to find the wrong one."""
        try:
            times, sensors, values = ([row[place] for row in rows] for place in self._places)
            parsed = _Rows(
                np.array([self._index.get(each.strip(), -1) for each in sensors], np.int32),
                _parse_times(times),
                np.array(values, np.float64),
            )
        except (ValueError, IndexError, PayloadError):
            raise self._find_first_problem(rows) from None
        before = np.append(np.int64(self._newest_ns), parsed.time_ns[:-1])
        back = np.flatnonzero(parsed.time_ns < before)
        if len(back):
            line = self._line + int(back[0]) + 1
            raise StartError(f"{self._path}:{line} time: expected the order of time, got an earlier one; sort the file")
        return parsed

    def _find_first_problem(self, rows: Sequence[Sequence[str]]) -> StartError:
        for number, row in enumerate(rows, self._line + 1):
            try:
                _parse_times([row[self._places[0]]])
                float(row[self._places[2]])
            except (ValueError, IndexError, PayloadError) as error:
                expected = "a time with a zone (or seconds since 1970), a sensor id and a number"
                return StartError(f"{self._path}:{number}: expected {expected}, got {','.join(row)[:80]!r}: {error}")
        return StartError(f"{self._path}: expected a readable CSV file")


def _parse_times(texts: Sequence[str]) -> NDArray[np.int64]:
    """Return UTC nanoseconds of seconds since 1970, or of RFC 3339 texts."""
    try:
        return np.round(np.array(texts, np.float64) * 1e9).astype(np.int64)
    except ValueError:
        return np.fromiter((rfc3339_to_ns(text.strip()) for text in texts), np.int64, len(texts))
