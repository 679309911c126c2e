"""`SensorMemory`: what the checks remember of every sensor, as columns, and as bytes that outlive the program.

Comes in: sensor numbers and new states. Goes out: states of those sensors; a snapshot. Refuses to judge, and to know
files. A snapshot is matched by sensor id: what still exists goes on, what is new begins to learn.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from collector.archive import pack_columns, unpack_columns

NEVER_NS = int(np.iinfo(np.int64).min // 2)
"""Stands for "no reading yet"; half of the range, so that a difference cannot overflow."""
_FORMAT = 3


@dataclass(slots=True)
class SensorStates:
    """The memory of n sensors, one row each."""

    time_ns: NDArray[np.int64]
    """Event time of the newest usable reading."""
    stands_in: NDArray[np.bool_]
    """That time is when it was received."""
    last: NDArray[np.float64]
    """Its value."""
    said: NDArray[np.uint16]
    """The bits it got."""
    level: NDArray[np.float64]
    """Where the sensor stood before anything doubtful."""
    fast: NDArray[np.float64]
    """Mean absolute change from reading to reading, over few readings."""
    slow: NDArray[np.float64]
    """Mean squared change, over many readings."""
    count: NDArray[np.int64]
    """Usable readings seen."""
    pending: NDArray[np.bool_]
    """The newest reading was a spike: the next one tells whether the level has moved."""
    anchor: NDArray[np.float64]
    """The value that the present run of equal readings began with."""
    run: NDArray[np.int64]
    """Readings in the present run."""
    run_ns: NDArray[np.int64]
    """When it began."""
    longest: NDArray[np.float64]
    """Longest run ever, slowly forgotten."""
    changes: NDArray[np.int64]
    """Runs that have ended."""
    recent: NDArray[np.float64]
    """Mean absolute change now: slower than `fast`, to be compared with neighbours."""
    usual: NDArray[np.float64]
    """Mean absolute change over many readings."""
    quiet_ns: NDArray[np.int64]
    """Since when it has moved far less than its neighbours; `NEVER_NS` while it does not."""
    heard_ns: NDArray[np.int64]
    """When its newest reading was received."""
    shown: NDArray[np.float64]
    """What neighbours see of it that were received together with that reading: `recent` as a share of `usual`."""
    shown_ns: NDArray[np.int64]
    """When the reading behind that was received."""


@dataclass(slots=True)
class SensorState:
    """The memory of one sensor: a row of `SensorStates`, field by field."""

    time_ns: int
    stands_in: bool
    last: float
    said: int
    level: float
    fast: float
    slow: float
    count: int
    pending: bool
    anchor: float
    run: int
    run_ns: int
    longest: float
    changes: int
    recent: float
    usual: float
    quiet_ns: int
    heard_ns: int
    shown: float
    shown_ns: int


_NEVER_AT_FIRST = ("time_ns", "run_ns", "quiet_ns", "heard_ns", "shown_ns")


def _row_type() -> np.dtype[np.void]:
    """Return one sensor's row: its fields lie side by side, because a batch touches all of few sensors of many."""
    types: dict[str, type[np.generic]] = dict.fromkeys((each.name for each in fields(SensorStates)), np.float64)
    types |= dict.fromkeys(("count", "run", "changes", *_NEVER_AT_FIRST), np.int64)
    types |= {"stands_in": np.bool_, "pending": np.bool_, "said": np.uint16}
    return np.dtype(list(types.items()), align=True)


class SensorMemory:
    """The memory of all sensors of a register."""

    def __init__(self, sensor_ids: Sequence[str]) -> None:
        self._ids = tuple(sensor_ids)
        self._rows = np.zeros(len(sensor_ids), _row_type())
        self._opaque = self._rows.view(f"V{self._rows.itemsize}")
        """The same rows without fields, which numpy copies many times faster."""
        self._columns: dict[str, NDArray[np.generic]] = {
            each.name: self._rows[each.name] for each in fields(SensorStates)
        }
        self._all = SensorStates(**self._columns)  # type: ignore[arg-type]
        for name in _NEVER_AT_FIRST:
            self._rows[name] = NEVER_NS
        self._all.shown[:] = np.nan

    @property
    def columns(self) -> SensorStates:
        """The columns of all sensors, to look at."""
        return self._all

    def take(self, sensor: NDArray[np.intp]) -> SensorStates:
        """Return copies of the rows of `sensor`, intp[n]."""
        rows = self._rows.take(sensor)
        return SensorStates(*(rows[name] for name in self._columns))

    def put(self, sensor: NDArray[np.intp], state: SensorStates) -> None:
        """Replace the rows of `sensor`, intp[n], each number at most once."""
        rows = np.empty(len(sensor), self._rows.dtype)
        for name in self._columns:
            rows[name] = getattr(state, name)
        self._opaque[sensor] = rows.view(self._opaque.dtype)

    def state(self, number: int) -> SensorState:
        """Return a copy of the row of one sensor."""
        return SensorState(*self._rows[number].item())

    def put_state(self, number: int, state: SensorState) -> None:
        """Replace the row of one sensor."""
        self._rows[number] = tuple(getattr(state, name) for name in self._columns)

    def snapshot(self) -> bytes:
        """Return all of it."""
        return pack_columns(_FORMAT, self._ids, self._columns)

    def restore(self, blob: bytes) -> None:
        """Take over what a snapshot says of the sensors that exist in both.

        Raises:
            CheckpointUnusableError: `blob` is not intact; nothing was taken over.
        """
        unpack_columns(blob, _FORMAT, self._ids, self._columns).move_into(self._columns)
