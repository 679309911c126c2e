"""`NoiseEstimate`: how much the readings of a sensor scatter from one to the next, for deadbands that fit each device.

Comes in: values in the unit of what is judged, reading by reading. Goes out: the sigma of each binding as it was known
before each reading. Refuses to know deadbands and levels.

The estimate is that of the chart for individual values: sigma is the mean moving range of two successive readings
over d2 = 1.128. It forgets, a range counts as a hundredth of the mean, and it is robust: a range above the upper limit
of the moving-range chart, D4 = 3.267 times the mean, counts as that limit. A value that the rule's given numbers do not
let end every level teaches nothing: a danger is never taken for noise, whatever the state of its alarm.

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
"""Fewer say nothing; assumed, as control charts are set up from 20 to 30 points."""
MEMORY = 100
"""A range weighs one over this; assumed: noise changes with the device, not with the hour."""
_MOST = 1e150
"""No range; what is computed from it stays finite."""
_ALWAYS_PASSES = CostModel(pass_us=1.0, run_us=1e12, reading_us=1e12)


@dataclass(frozen=True, slots=True)
class NormalRange:
    """Which values of a binding are no danger; a column for each, bindings first.

    Attributes:
        wanted: bool[n_bindings], whose noise somebody asks for.
        sign: float64[n_bindings], -1 where the low side is dangerous.
        below: float64[n_bindings], signed values under it are calm.
        finest: float64[n_bindings], the last digit of what is judged: a mean range may always grow by it.
        stale_ns: int64[n_bindings], readings further apart are not compared.
    """

    wanted: NDArray[np.bool_]
    sign: NDArray[np.float64]
    below: NDArray[np.float64]
    finest: NDArray[np.float64]
    stale_ns: NDArray[np.int64]


class NoiseEstimate:
    """The mean moving range of each binding."""

    def __init__(self, calm: NormalRange, *, not_learned: int) -> None:
        """Know nothing yet of any binding; readings with one of the `Quality` bits `not_learned` are left out."""
        n = len(calm.wanted)
        self._calm, self._not_learned = calm, np.uint16(not_learned)
        self._mean, self._n_ranges = np.zeros(n), np.zeros(n, np.int16)
        self._before = np.full(n, np.nan)
        """The last value, if it was calm."""
        self._continuity = Continuity(calm.stale_ns)
        self._splitter = PassSplitter(n, _ALWAYS_PASSES)

    def sigmas(
        self, admitted: AdmittedReadings, row: NDArray[np.intp], binding: NDArray[np.intp], value: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return float64[n]: the sigma known before each reading, 0 where nothing is, and learn from the readings.

        Args:
            admitted: what was admitted of the batch.
            row: intp[n], the arrival that brought each value; ascending for each binding.
            binding: intp[n], whose value it is.
            value: float64[n], finite, in the unit of what the rule judges.
        """
        sigma = np.zeros(len(row))
        wanted = np.flatnonzero(self._calm.wanted[binding])
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
        """Take one reading of each of distinct bindings `b` into account."""
        broken = self._continuity.step(b, time_ns, clock).broken
        is_calm = value * self._calm.sign[b] < self._calm.below[b]
        with np.errstate(over="ignore"):
            moved = np.abs(value - self._before[b])
        self._before[b] = np.where(is_calm, value, np.nan)
        # False where there is no value before as well.
        teaches = is_calm & ~broken & (moved < _MOST)
        b, moved = b[teaches], moved[teaches]
        mean, n_before = self._mean[b], self._n_ranges[b]
        highest = np.where(n_before > 0, np.maximum(D4 * mean, self._calm.finest[b]), np.inf)
        self._n_ranges[b] = np.minimum(n_before + 1, MEMORY)
        self._mean[b] = mean + (np.minimum(moved, highest) - mean) / self._n_ranges[b]

    def columns(self) -> dict[str, NDArray[np.generic]]:
        """Return what outlives a restart; first axis: bindings."""
        own: dict[str, NDArray[np.generic]] = {
            "noise_range": self._mean,
            "noise_ranges": self._n_ranges,
            "noise_value": self._before,
        }
        return own | {f"noise_{name}": column for name, column in self._continuity.columns().items()}
