"""`Presence`: the devices that are reported offline, and the places in a batch where that changes.

Input: the register and admitted readings.
Output: offline devices, and a batch split where presence changes.
Not responsible for: alarms.
Rejects: nothing.

A sensor of the quantity `online` has the presence of its device: 0 is offline, any other value is online. The device,
its gateway or the broker reports it. The presence of a device without such a sensor is unknown, never offline.
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
        reporter: dict[str, int] = {}
        for number, each in enumerate(register.sensors):
            if each.quantity == ONLINE:
                reporter.setdefault(each.device, number)
        numbers = [reporter.get(register.sensors[number].device, -1) for number in sensor.tolist()]
        self._reporter = np.array(numbers, np.intp)
        self._is_presence = np.zeros(len(register.sensors), np.bool_)
        self._is_presence[list(reporter.values())] = True
        reported = np.flatnonzero(self._reporter >= 0)
        self._presence_fan_out = FanOut(len(register.sensors), self._reporter[reported], reported)

    def is_offline(self, value: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return bool[n_bindings]: the device is offline, by float64[n_sensors] `value`, the last values."""
        offline: NDArray[np.bool_] = (self._reporter >= 0) & (value[self._reporter] == 0)
        return offline

    def bindings_of(self, sensor: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Return (row, binding), one pair for each binding of a device with its presence in `sensor[row]`."""
        return self._presence_fan_out.bindings_of(sensor)

    def split(self, admitted: AdmittedReadings) -> Iterator[tuple[AdmittedReadings, bool]]:
        """Yield the readings in order, in parts of which all readings (True) or none (False) report presence.

        No sensor occurs twice in a part that reports presence.
        """
        reports = self._is_presence[admitted.sensor]
        if not reports.any():
            yield admitted, False
            return
        edges = np.flatnonzero(np.diff(reports)) + 1
        for start, end in zip([0, *edges.tolist()], [*edges.tolist(), len(reports)], strict=True):
            if not reports[start]:
                yield admitted.part(start, end), False
            elif len(set(admitted.sensor[start:end].tolist())) == end - start:
                yield admitted.part(start, end), True
            else:
                yield from ((admitted.part(row, row + 1), True) for row in range(start, end))
