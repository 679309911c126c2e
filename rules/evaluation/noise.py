"""`NoiseEstimate`: the scatter of the readings of a sensor, for deadbands that fit each device.

Input: values in the unit of the limits, reading by reading.
Output: the sigma of each binding before each reading.
Not responsible for: deadbands and levels.
Rejects: nothing.

Sigma is the mean moving range of two successive readings over d2 = 1.128 (chart for individual values). It forgets: a
range counts as a hundredth of the mean. It is robust: a range counts as at most D4 = 3.267 times the mean. That is the
upper limit of the moving-range chart. A value that is not behind every reset value of the rule is not learned. So a
danger is never taken for noise, in any state of its alarm.

Source of the chart and its constants: NIST/SEMATECH e-Handbook of Statistical Methods, 6.3.2.2; ISO 7870-2.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from collector.batch import RECEIVED_CLOCK
from collector.passes import CostModel, PassSplitter
from rules.admission.admission import AdmittedReadings
from rules.evaluation.continuity import Continuity

D2 = 1.128
"""Mean moving range of two normal numbers over their sigma."""
D4 = 3.267
"""Upper limit of a moving range over its mean."""
LEAST_RANGES = 30
"""With fewer ranges sigma is unknown; assumed, as control charts are set up from 20 to 30 points."""
MEMORY = 100
"""The weight of a range is one over this; assumed: noise changes with the device, not with the hour."""
_MOST = 1e150
"""A larger difference is no range; results stay finite."""
_ALWAYS_PASSES = CostModel(pass_us=1.0, run_us=1e12, reading_us=1e12)


@dataclass(frozen=True, slots=True)
class NormalRange:
    """The values of each binding that are no danger; first axis: bindings.

    Attributes:
        wanted: bool[n_bindings], a deadband follows the noise of the binding.
        sign: float64[n_bindings], -1 where the low side is dangerous.
        below: float64[n_bindings], signed values under it are no danger.
        finest: float64[n_bindings], the last digit of a value: a mean range may always grow by it.
        stale_ns: int64[n_bindings], readings further apart are not compared.
    """

    wanted: NDArray[np.bool_]
    sign: NDArray[np.float64]
    below: NDArray[np.float64]
    finest: NDArray[np.float64]
    stale_ns: NDArray[np.int64]


class NoiseEstimate:
    """The mean moving range of each binding."""

    def __init__(self, normal: NormalRange, *, not_learned: int) -> None:
        """Make an empty estimate; readings with one of the `Quality` bits `not_learned` are left out."""
        n = len(normal.wanted)
        self._normal, self._not_learned = normal, np.uint16(not_learned)
        self._mean, self._n_ranges = np.zeros(n), np.zeros(n, np.int16)
        self._before = np.full(n, np.nan)
        """The last value, if it was no danger."""
        self._continuity = Continuity(normal.stale_ns)
        self._splitter = PassSplitter(n, _ALWAYS_PASSES)

    def sigmas(
        self, admitted: AdmittedReadings, row: NDArray[np.intp], binding: NDArray[np.intp], value: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return float64[n]: the sigma before each reading, 0 where unknown, and learn from the readings.

        Args:
            admitted: the admitted readings of the batch.
            row: intp[n], the reading of each value; ascending for each binding.
            binding: intp[n], the binding of each value.
            value: float64[n], finite, in the unit of the limits.
        """
        sigma = np.zeros(len(row))
        wanted = np.flatnonzero(self._normal.wanted[binding])
        for chosen in self._splitter.split(binding[wanted])[0] if len(wanted) else ():
            now = wanted[chosen]
            b = binding[now]
            sigma[now] = np.where(self._n_ranges[b] >= LEAST_RANGES, self._mean[b] / D2, 0.0)
            sound = now[(admitted.quality[row[now]] & self._not_learned) == 0]
            clock = (admitted.quality[row[sound]] & RECEIVED_CLOCK) != 0
            self._learn(binding[sound], admitted.time_ns[row[sound]], value[sound], clock)
        return sigma

    def _learn(
        self, b: NDArray[np.intp], time_ns: NDArray[np.int64], value: NDArray[np.float64], clock: NDArray[np.bool_]
    ) -> None:
        """Learn from one reading of each of distinct bindings `b`."""
        broken = self._continuity.step(b, time_ns, clock).broken
        is_normal = value * self._normal.sign[b] < self._normal.below[b]
        with np.errstate(over="ignore"):
            moved = np.abs(value - self._before[b])
        self._before[b] = np.where(is_normal, value, np.nan)
        # Also false where there is no value before.
        may_learn = is_normal & ~broken & (moved < _MOST)
        b, moved = b[may_learn], moved[may_learn]
        mean, n_before = self._mean[b], self._n_ranges[b]
        highest = np.where(n_before > 0, np.maximum(D4 * mean, self._normal.finest[b]), np.inf)
        self._n_ranges[b] = np.minimum(n_before + 1, MEMORY)
        self._mean[b] = mean + (np.minimum(moved, highest) - mean) / self._n_ranges[b]

    def columns(self) -> dict[str, NDArray[np.generic]]:
        """Return the columns that outlive a restart; first axis: bindings."""
        own: dict[str, NDArray[np.generic]] = {
            "noise_range": self._mean,
            "noise_ranges": self._n_ranges,
            "noise_value": self._before,
        }
        return own | {f"noise_{name}": column for name, column in self._continuity.columns().items()}
