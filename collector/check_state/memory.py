"""`SensorMemory`: the state of every sensor that the quality checks need, as columns and as bytes.

Input: new readings; steps with the state after them; bytes of a snapshot.
Output: steps with the state before the readings; a snapshot.
Not responsible for: the checks themselves, and files.
Rejects: a snapshot that is not intact.

A snapshot is matched by sensor id. A sensor that still exists goes on; a new sensor begins to learn.
"""

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace

import numpy as np
from numpy.typing import NDArray

from collector.archive import pack_columns, unpack_columns
from collector.check_state.step import (
    COLUMNS,
    NEVER_NS,
    Arithmetic,
    Bools,
    Floats,
    Ints,
    SensorBounds,
    SensorStates,
    SensorStep,
    make_plain_arithmetic,
)

_FORMAT = 3
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
    """The state and the bounds of all sensors of a register."""

    def __init__(self, sensor_ids: Sequence[str], bounds: SensorBounds) -> None:
        self.bounds = bounds
        self._ids = tuple(sensor_ids)
        self._names = [each.name for each in fields(SensorStates)]
        self._rows = np.zeros(len(sensor_ids), _row_type())
        self._opaque = self._rows.view(f"V{self._rows.itemsize}")
        """The same rows without fields. numpy copies them many times faster."""
        self.columns = SensorStates(*(self._rows[name] for name in self._names))
        """The columns of all sensors, to read."""
        for name in _NEVER_AT_FIRST:
            self._rows[name] = NEVER_NS
        self.columns.movement_before[:] = np.nan
        self._bound_names = [each.name for each in fields(SensorBounds)]
        self._bound_rows = _to_rows({name: getattr(bounds, name) for name in self._bound_names})

    def begin_step(
        self, sensor: NDArray[np.intp], time_ns: Ints, stands_in: Bools, value: Floats, received_ns: int
    ) -> SensorStep:
        """Return a step of one reading of each sensor, with copies of the rows of `sensor`, intp[n]."""
        rows, bound_rows = self._rows.take(sensor), self._bound_rows.take(sensor)
        before = SensorStates(*(rows[name] for name in self._names))
        bounds = SensorBounds(*(bound_rows[name] for name in self._bound_names))
        return _make_step((sensor, time_ns, stands_in, value), received_ns, before, bounds, COLUMNS)

    def finish_step(self, step: SensorStep) -> None:
        """Replace the rows of the sensors of a step, each number at most once."""
        rows = np.empty(len(step.sensor), self._rows.dtype)
        for name in self._names:
            rows[name] = getattr(step.after, name)
        self._opaque[step.sensor] = rows.view(self._opaque.dtype)

    def begin_run(self, number: int, received_ns: int) -> SensorStep:
        """Return a step of one sensor, in plain numbers, that takes one reading after the other."""
        before = SensorStates(*self._rows[number].item())
        bounds = SensorBounds(*self._bound_rows[number].item())
        columns = (number, before.time_ns, before.stands_in, before.last)
        return _make_step(columns, received_ns, before, bounds, make_plain_arithmetic())  # type: ignore[arg-type]

    def finish_run(self, step: SensorStep) -> None:
        """Replace the row of the sensor of a run; its newest state is the one before the next reading."""
        self._rows[step.sensor] = tuple(getattr(step.before, name) for name in self._names)

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


def _to_rows(columns: Mapping[str, NDArray[np.generic]]) -> NDArray[np.void]:
    """Return one row of all columns for each sensor; the fields of one sensor then lie side by side."""
    rows = np.empty(len(next(iter(columns.values()))), [(name, column.dtype) for name, column in columns.items()])
    for name, column in columns.items():
        rows[name] = column
    return rows


def _make_step(
    columns: tuple[NDArray[np.intp], Ints, Bools, Floats],
    received_ns: int,
    before: SensorStates,
    bounds: SensorBounds,
    math: Arithmetic,
) -> SensorStep:
    """Return a step; the runner of the checks fills in the rest."""
    sensor, time_ns, stands_in, value = columns
    return SensorStep(
        sensor,
        time_ns,
        stands_in,
        value,
        received_ns,
        before,
        replace(before),
        bounds,
        math,
        is_fresh=stands_in,
        change=value,
        away=value,
        scale=value,
        floor=value,
        is_learned=stands_in,
        lesson=value,
    )
