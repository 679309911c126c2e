"""Presence: which devices have said, or were said, to have gone; and where in a batch that was said.

Comes in: the register and admitted readings. Goes out: who is offline, and a batch cut into pieces between which
presence changes. Refuses to know alarms.

A device says so with a sensor of the quantity `online`: 0 it has gone, anything else it is there. What a device without
such a sensor says of itself is unknown, never offline.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from config.quantities import ONLINE
from config.register import Register
from rules.admission.admission import AdmittedReadings
from rules.fan_out import FanOut


class Presence:
    """The presence of the devices of many bindings."""

    def __init__(self, register: Register, sensor: NDArray[np.intp]) -> None:
        """Find the device of each of `sensor`, intp[n_bindings]."""
        said_by: dict[str, int] = {}
        for number, each in enumerate(register.sensors):
            if each.quantity == ONLINE:
                said_by.setdefault(each.device, number)
        numbers = [said_by.get(register.sensors[number].device, -1) for number in sensor.tolist()]
        self._said_by = np.array(numbers, np.intp)
        self._is_presence = np.zeros(len(register.sensors), np.bool_)
        self._is_presence[list(said_by.values())] = True
        says = np.flatnonzero(self._said_by >= 0)
        self._presence_fan_out = FanOut(len(register.sensors), self._said_by[says], says)

    def is_offline(self, value: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return bool[n_bindings]: the device has gone, by float64[n_sensors] `value`, what each sensor last said."""
        offline: NDArray[np.bool_] = (self._said_by >= 0) & (value[self._said_by] == 0)
        return offline

    def bindings_of(self, sensor: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Return (row, binding), one pair for each binding whose device speaks by `sensor[row]`."""
        return self._presence_fan_out.bindings_of(sensor)

    def split(self, admitted: AdmittedReadings) -> Iterator[tuple[AdmittedReadings, bool]]:
        """Yield the arrivals in order, in pieces of which all (True) or none (False) are about presence.

        No sensor stands twice in a piece about presence.
        """
        says = self._is_presence[admitted.sensor]
        if not says.any():
            yield admitted, False
            return
        edges = np.flatnonzero(np.diff(says)) + 1
        for start, end in zip([0, *edges.tolist()], [*edges.tolist(), len(says)], strict=True):
            if not says[start]:
                yield admitted.part(start, end), False
            elif len(set(admitted.sensor[start:end].tolist())) == end - start:
                yield admitted.part(start, end), True
            else:
                yield from ((admitted.part(row, row + 1), True) for row in range(start, end))
