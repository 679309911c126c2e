"""`neighbour`: does a sensor hardly move while its neighbours move as usual? It sets the bit NEIGHBOUR: a blocked line.

Input: the step of a reading, the neighbours of the register, and the state of all sensors.
Output: the readings that get the bit; the movement of the sensors after them.
Not responsible for: values; two places may stand at any height and move by any amount.
Rejects: nothing; late and historical readings get no bit, because the neighbours tell only of now.

A sensor is compared with its neighbours as they were before the readings that were received together. Cutting those
readings into batches then changes nothing. A neighbour that has a reading of this received time gives the state before
it (`movement_before`).
Source: QARTOD manuals (IOOS), test 10, attenuated signal. Here the neighbours replace the limits of a site.

>>> from collector.quality import check_series
>>> still = [20.0] * 1500
>>> waves = [20.0 + 5.0 * (i % 2) for i in range(1500)]
>>> check_series(waves + still, cadence_s=900.0, beside=[waves * 2, waves * 2])[-1].split("|")
['FLAT', 'NEIGHBOUR']
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from collector.batch import Quality
from collector.check_state.check import CheckSetup, SensorCheck
from collector.check_state.memory import COLUMNS, NEVER_NS, Arithmetic, Bools, Floats, Ints, SensorStep
from config.register import Register

_MOST = 4
"""Neighbours that are looked at, the nearest; assumed."""
_FEWEST = 2
"""With fewer neighbours that move there is no bit: of two sensors nothing says which one is wrong."""


class Neighbours:
    """The neighbours of every sensor that has enough of the same quantity."""

    def __init__(self, setup: CheckSetup) -> None:
        """Find the neighbours among the sensors that have a level and are compared at all."""
        self._of = _find_neighbours(setup.register, setup.memory.bounds.is_measured & setup.is_compared)
        self._setup = setup

    @property
    def exist(self) -> bool:
        """Whether any sensor has enough neighbours."""
        return bool((self._of >= 0).any())

    def flag(self, step: SensorStep) -> Bools:
        """Return whether each sensor has been quieter than its neighbours for long; learn how much it moves."""
        limits = self._setup.limits
        before = step.before
        after = step.after
        math = step.math
        known = 1.0 / (before.count + 1.0)
        was_quiet = before.quiet_ns != NEVER_NS
        forget: Floats = math.where(was_quiet, 1.0 / limits.quiet_readings, 1.0 / limits.usual_readings)
        weight = math.where(step.is_fresh, 0.0, math.maximum(1.0 / limits.recent_readings, known))
        usual_weight = math.where(step.is_fresh, 0.0, math.maximum(forget, known))
        after.recent = recent = before.recent + weight * (step.lesson - before.recent)
        after.usual = usual = before.usual + usual_weight * (step.lesson - before.usual)

        is_small = (before.count >= limits.neighbour_learn) & (recent < limits.quiet_share * usual)
        beside = math.look_up(self._find_movement_beside, step, is_small)
        is_attenuated = is_small & (beside >= limits.moving_share) & (recent < limits.quiet_share * beside * usual)
        stays = was_quiet & (recent < 2.0 * limits.quiet_share * usual)
        since_ns = math.where(stays, before.quiet_ns, math.where(is_attenuated, step.time_ns, NEVER_NS))
        after.quiet_ns = since_ns
        was_flagged: Bools = (before.flags & int(Quality.NEIGHBOUR)) != 0
        self._keep_for_neighbours(step)
        has_lasted: Bools = step.time_ns - since_ns >= limits.quiet_hold_ns
        is_quiet: Bools = (stays & was_flagged) | (is_attenuated & has_lasted)
        return is_quiet

    def _keep_for_neighbours(self, step: SensorStep) -> None:
        """Keep the movement before the readings of this received time."""
        before, after, math = step.before, step.after, step.math
        is_later = before.received_ns != step.received_ns
        columns = (before.recent, before.usual, before.count, before.quiet_ns)
        movement = self._measure_movement(*columns, math)
        after.movement_before = math.where(is_later, movement, before.movement_before)
        after.received_before_ns = math.where(is_later, before.received_ns, before.received_before_ns)
        after.received_ns = math.where(is_later, step.received_ns, before.received_ns)

    def _find_movement_beside(self, sensor: NDArray[np.intp], received_ns: int) -> Floats:
        """Return how much the quietest living neighbour of each moves, a share of its usual; NaN where too few live."""
        known, beside = self._setup.memory.columns, self._of[sensor]
        is_received_now = known.received_ns[beside] == received_ns
        last_ns = np.where(is_received_now, known.received_before_ns[beside], known.received_ns[beside])
        columns = (known.recent[beside], known.usual[beside], known.count[beside], known.quiet_ns[beside])
        movement = self._measure_movement(*columns, COLUMNS)
        share = np.where(is_received_now, known.movement_before[beside], movement)
        lives = (beside >= 0) & (last_ns >= received_ns - self._setup.memory.bounds.gap_ns[beside]) & ~np.isnan(share)
        least = np.where(lives, share, np.inf).min(axis=1)
        return np.where(lives.sum(axis=1) >= _FEWEST, least, np.nan)

    def _measure_movement(self, recent: Floats, usual: Floats, count: Ints, quiet_ns: Ints, math: Arithmetic) -> Floats:
        """Return recent change as a share of the usual; NaN for one that is new, never moves or is quiet."""
        has_movement = (count >= self._setup.limits.neighbour_learn) & (usual > 0.0) & (quiet_ns == NEVER_NS)
        return math.where(has_movement, recent / math.where(usual > 0.0, usual, 1.0), np.nan)


def _find_neighbours(register: Register, is_judged: Bools) -> NDArray[np.intp]:
    """Return intp[n_sensors, 4], the neighbours of each sensor, -1 for none; no row at all where no sensor has any."""
    at: dict[tuple[str, str], list[int]] = {}
    for number in np.flatnonzero(is_judged).tolist():
        sensor = register.sensors[number]
        if sensor.asset in register.neighbours:
            at.setdefault((sensor.asset, sensor.quantity), []).append(number)
    found = np.full((len(register.sensors), _MOST), -1, np.intp) if at else np.zeros((0, _MOST), np.intp)
    for (asset, quantity), numbers in at.items():
        beside = [near for each in register.neighbours[asset] for near in at.get((each.asset, quantity), ())]
        if len(beside) >= _FEWEST:
            found[numbers, : len(beside[:_MOST])] = beside[:_MOST]
    return found


def _prepare(setup: CheckSetup) -> Callable[[SensorStep], Bools] | None:
    neighbours = Neighbours(setup)
    return neighbours.flag if neighbours.exist else None


CHECK = SensorCheck(
    Quality.NEIGHBOUR,
    "QARTOD test 10, attenuated signal",
    _prepare,
    ("recent", "usual", "quiet_ns", "received_ns", "movement_before", "received_before_ns"),
    is_of_now=True,
)
