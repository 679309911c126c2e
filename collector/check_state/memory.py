"""`SensorMemory`: the state of every sensor that the quality checks need, as columns and as bytes.

Input: dense sensor numbers with new states; bytes of a snapshot.
Output: states of those sensors; a snapshot.
Not responsible for: the checks themselves, and files.
Rejects: a snapshot that is not intact.

A snapshot is matched by sensor id. A sensor that still exists goes on; a new sensor begins to learn.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from collector.archive import pack_columns, unpack_columns

NEVER_NS = int(np.iinfo(np.int64).min // 2)
"""Stands for "no reading yet". It is half of the range, so that a difference cannot overflow."""
_FORMAT = 3


@dataclass(slots=True)
class SensorStates:
    """The state of n sensors, one row each; of one sensor the fields are plain numbers."""

    time_ns: NDArray[np.int64]
    """Event time of the newest usable reading."""
    stands_in: NDArray[np.bool_]
    """Whether that time is the received time."""
    last: NDArray[np.float64]
    """The value of that reading."""
    flags: NDArray[np.uint16]
    """The bits that the reading got from the checks."""
    level: NDArray[np.float64]
    """The level of the sensor before anything doubtful."""
    fast: NDArray[np.float64]
    """Mean absolute change from reading to reading, over few readings."""
    slow: NDArray[np.float64]
    """Mean squared change, over many readings."""
    count: NDArray[np.int64]
    """Usable readings seen."""
    pending: NDArray[np.bool_]
    """Whether the newest reading was a spike. The next reading decides whether the level has moved."""
    anchor: NDArray[np.float64]
    """The first value of the present run of equal readings."""
    run: NDArray[np.int64]
    """Readings in the present run."""
    run_ns: NDArray[np.int64]
    """Time of the first reading of that run."""
    longest: NDArray[np.float64]
    """Longest run ever, slowly forgotten."""
    changes: NDArray[np.int64]
    """Runs that have ended."""
    recent: NDArray[np.float64]
    """Mean absolute change now; it is slower than `fast`, to be compared with neighbours."""
    usual: NDArray[np.float64]
    """Mean absolute change over many readings."""
    quiet_ns: NDArray[np.int64]
    """Since when the sensor has moved far less than its neighbours; `NEVER_NS` while it has not."""
    received_ns: NDArray[np.int64]
    """When the newest reading was received."""
    movement_before: NDArray[np.float64]
    """`recent` as a share of `usual` before the readings of that received time; the neighbours compare with it."""
    received_before_ns: NDArray[np.int64]
    """When the reading behind `movement_before` was received."""


_PERSISTED: Mapping[str, str] = {
    "flags": "said",
    "received_ns": "heard_ns",
    "movement_before": "shown",
    "received_before_ns": "shown_ns",
}
"""Field to the name of its column in a snapshot, where they differ."""
_NEVER_AT_FIRST = ("time_ns", "run_ns", "quiet_ns", "received_ns", "received_before_ns")


def _row_type() -> np.dtype[np.void]:
    """Return the type of one sensor's row. Its fields lie side by side, because a batch needs all of few sensors."""
    types: dict[str, type[np.generic]] = dict.fromkeys((each.name for each in fields(SensorStates)), np.float64)
    types |= dict.fromkeys(("count", "run", "changes", *_NEVER_AT_FIRST), np.int64)
    types |= {"stands_in": np.bool_, "pending": np.bool_, "flags": np.uint16}
    return np.dtype(list(types.items()), align=True)


class SensorMemory:
    """The state of all sensors of a register."""

    def __init__(self, sensor_ids: Sequence[str]) -> None:
        self._ids = tuple(sensor_ids)
        self._rows = np.zeros(len(sensor_ids), _row_type())
        self._opaque = self._rows.view(f"V{self._rows.itemsize}")
        """The same rows without fields. numpy copies them many times faster."""
        self._names = [each.name for each in fields(SensorStates)]
        self._all = SensorStates(*(self._rows[name] for name in self._names))
        for name in _NEVER_AT_FIRST:
            self._rows[name] = NEVER_NS
        self._all.movement_before[:] = np.nan

    @property
    def columns(self) -> SensorStates:
        """The columns of all sensors, to read."""
        return self._all

    def take(self, sensor: NDArray[np.intp]) -> SensorStates:
        """Return copies of the rows of `sensor`, intp[n]."""
        rows = self._rows.take(sensor)
        return SensorStates(*(rows[name] for name in self._names))

    def put(self, sensor: NDArray[np.intp], states: SensorStates) -> None:
        """Replace the rows of `sensor`, intp[n], each number at most once."""
        rows = np.empty(len(sensor), self._rows.dtype)
        for name in self._names:
            rows[name] = getattr(states, name)
        self._opaque[sensor] = rows.view(self._opaque.dtype)

    def take_one(self, number: int) -> SensorStates:
        """Return the state of one sensor as plain numbers."""
        return SensorStates(*self._rows[number].item())

    def put_one(self, number: int, state: SensorStates) -> None:
        """Replace the state of one sensor."""
        self._rows[number] = tuple(getattr(state, name) for name in self._names)

    def snapshot(self) -> bytes:
        """Return the state of all sensors as bytes."""
        return pack_columns(_FORMAT, self._ids, self._persisted())

    def restore(self, blob: bytes) -> None:
        """Take over the state of the sensors that exist in the snapshot and in the register.

        Raises:
            CheckpointUnusableError: `blob` is not intact; nothing was taken over.
        """
        columns = self._persisted()
        unpack_columns(blob, _FORMAT, self._ids, columns).move_into(columns)

    def _persisted(self) -> dict[str, NDArray[np.generic]]:
        return {_PERSISTED.get(name, name): self._rows[name] for name in self._names}
