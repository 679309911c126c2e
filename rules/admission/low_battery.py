"""`LowBattery`: readings that a device with a failing battery only repeats.

Input: admitted readings.
Output: the readings that equal the one before while the battery of their device fails.
Not responsible for: rules.
Rejects: nothing.

A converter without power repeats its last value or reports zero. An unchanged value of such a device proves nothing,
and a value that still changes does.
"""

import numpy as np
from numpy.typing import NDArray

from config.register import Register

FAILING_PERCENT = 10.0
"""At or below this charge a battery fails; assumed: the voltage of cells drops under the load of the radio."""


class LowBattery:
    """The last usable value of every sensor, charges included."""

    def __init__(self, register: Register) -> None:
        charges = {each.device: number for number, each in enumerate(register.sensors) if each.quantity == "battery"}
        self.last = np.full(len(register.sensors), np.nan)
        """Last usable value of each sensor, NaN before the first."""
        numbers = [charges.get(each.device, -1) for each in register.sensors]
        self._charge = np.array(numbers, np.intp)
        self._is_charge = self._charge == np.arange(len(numbers))
        self._has_charges = bool(charges)

    def is_repeat(
        self, sensor: NDArray[np.intp], value: NDArray[np.float64], usable: NDArray[np.bool_]
    ) -> NDArray[np.bool_]:
        """Return bool[n]: repeated readings of failing devices; and remember the usable readings, in order."""
        is_repeat = np.zeros(len(sensor), np.bool_)
        if not self._has_charges:
            self.last[sensor[usable]] = value[usable]
            return is_repeat
        rows = usable.nonzero()[0]
        charge = self._charge[sensor[rows]]
        failing = self.last[charge] <= FAILING_PERCENT
        begins = self._is_charge[sensor[rows]] & (value[rows] <= FAILING_PERCENT)
        doubtful = (charge >= 0) & (failing | np.isin(charge, sensor[rows[begins]]))
        for row in rows[doubtful].tolist():
            # One by one in their order, because the charge itself may be among them; few batteries fail at a time.
            number = int(sensor[row])
            is_failing = self.last[self._charge[number]] <= FAILING_PERCENT
            is_repeat[row] = is_failing and not self._is_charge[number] and value[row] == self.last[number]
            self.last[number] = value[row]
        self.last[sensor[rows]] = value[rows]
        return is_repeat
