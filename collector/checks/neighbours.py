"""Neighbours: does a sensor hardly move while those beside it move as usual? One bit, NEIGHBOUR: a blocked line.

Comes in: what is remembered of the sensors, and the pairs of the register. Goes out: how much the neighbours of a
sensor move, and the next state of the columns that this takes. Refuses to compare values: two places may stand at any
height and move by any amount; each is measured against its own past.

A sensor's neighbours are judged as they stood before the readings that were received together, so that cutting those
into batches changes nothing: whoever was heard at this received time shows what it was before (`shown`).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from collector.batch import Quality
from collector.checks.limits import CheckLimits
from collector.checks.memory import NEVER_NS, SensorStates
from config.register import Register

_MOST = 4
"""Neighbours that are looked at, the nearest; assumed."""
_FEWEST = 2
"""With fewer that move nothing is said: which of two is wrong nobody knows."""


class Neighbours:
    """The neighbours of every sensor that has enough of the same quantity."""

    def __init__(self, register: Register, is_judged: NDArray[np.bool_], gap_ns: NDArray[np.int64]) -> None:
        """Find them; only those count that are judged at all, and none that is silent for longer than `gap_ns`."""
        at: dict[tuple[str, str], list[int]] = {}
        for number in np.flatnonzero(is_judged).tolist():
            sensor = register.sensors[number]
            if sensor.asset in register.neighbours:
                at.setdefault((sensor.asset, sensor.quantity), []).append(number)
        self._of = np.full((len(register.sensors), _MOST), -1, np.intp) if at else np.zeros((0, _MOST), np.intp)
        for (asset, quantity), numbers in at.items():
            beside = [near for each in register.neighbours[asset] for near in at.get((each.asset, quantity), ())]
            if len(beside) >= _FEWEST:
                self._of[numbers, : len(beside[:_MOST])] = beside[:_MOST]
        self._gap_ns = gap_ns
        self.are_there = bool((self._of >= 0).any())
        """Whether any sensor has enough neighbours."""

    def moving(
        self, sensor: NDArray[np.intp], received_ns: int, known: SensorStates, limits: CheckLimits
    ) -> NDArray[np.float64]:
        """Return how much the quietest living neighbour of each moves, a share of its usual; NaN where too few live.

        Args:
            sensor: intp[n].
            received_ns: when the readings that are being judged were received.
            known: the columns of all sensors.
            limits: the numbers of the checks.
        """
        beside = self._of[sensor]
        is_heard_now = known.heard_ns[beside] == received_ns
        heard_ns = np.where(is_heard_now, known.shown_ns[beside], known.heard_ns[beside])
        now = movement(known.recent[beside], known.usual[beside], known.count[beside], known.quiet_ns[beside], limits)
        share = np.where(is_heard_now, known.shown[beside], now)
        lives = (beside >= 0) & (heard_ns >= received_ns - self._gap_ns[beside]) & ~np.isnan(share)
        least = np.where(lives, share, np.inf).min(axis=1)
        return np.where(lives.sum(axis=1) >= _FEWEST, least, np.nan)


def movement(
    recent: NDArray[np.float64],
    usual: NDArray[np.float64],
    count: NDArray[np.int64],
    quiet_ns: NDArray[np.int64],
    limits: CheckLimits,
) -> NDArray[np.float64]:
    """Return recent change as a share of the usual; NaN for who is not known yet, never moves, or is quiet itself."""
    tells = (count >= limits.neighbour_learn) & (usual > 0.0) & (quiet_ns == NEVER_NS)
    return np.where(tells, recent / np.where(usual > 0.0, usual, 1.0), np.nan)


@dataclass(frozen=True, slots=True)
class Step:
    """One more reading of each of n sensors."""

    time_ns: NDArray[np.int64]
    lesson: NDArray[np.float64]
    """The change from the reading before, clipped."""
    fresh: NDArray[np.bool_]
    received_ns: int
    moving: Callable[[NDArray[np.intp]], NDArray[np.float64]]
    """What `Neighbours.moving` says of some of the n."""


@dataclass(frozen=True, slots=True)
class Movement:
    """The columns after it, and who is quieter than its neighbours."""

    recent: NDArray[np.float64]
    usual: NDArray[np.float64]
    quiet_ns: NDArray[np.int64]
    heard_ns: NDArray[np.int64]
    shown: NDArray[np.float64]
    shown_ns: NDArray[np.int64]
    flagged: NDArray[np.bool_]


def still(before: SensorStates) -> Movement:
    """Return the columns as they were, for a register without neighbours."""
    return Movement(
        before.recent,
        before.usual,
        before.quiet_ns,
        before.heard_ns,
        before.shown,
        before.shown_ns,
        np.zeros(len(before.count), np.bool_),
    )


def move(before: SensorStates, each: Step, limits: CheckLimits) -> Movement:
    """Return the columns after the readings of `each`."""
    known = 1.0 / (before.count + 1.0)
    was_quiet = before.quiet_ns != NEVER_NS
    forget = np.where(was_quiet, 1.0 / limits.quiet_readings, 1.0 / limits.usual_readings)
    weight = np.where(each.fresh, 0.0, np.maximum(1.0 / limits.recent_readings, known))
    usual_weight = np.where(each.fresh, 0.0, np.maximum(forget, known))
    recent = before.recent + weight * (each.lesson - before.recent)
    usual = before.usual + usual_weight * (each.lesson - before.usual)

    small = (before.count >= limits.neighbour_learn) & (recent < limits.quiet_share * usual)
    beside = np.full(len(recent), np.nan)
    rows: NDArray[np.intp] = np.flatnonzero(small)
    if len(rows):
        beside[rows] = each.moving(rows)
    attenuated = small & (beside >= limits.moving_share) & (recent < limits.quiet_share * beside * usual)
    stays = was_quiet & (recent < 2.0 * limits.quiet_share * usual)
    quiet_ns = np.where(stays, before.quiet_ns, np.where(attenuated, each.time_ns, NEVER_NS))
    was_said = (before.said & Quality.NEIGHBOUR) != 0
    flagged = (stays & was_said) | (attenuated & (each.time_ns - quiet_ns >= limits.quiet_hold_ns))

    rolls = before.heard_ns != each.received_ns
    before_it = movement(before.recent, before.usual, before.count, before.quiet_ns, limits)
    shown = np.where(rolls, before_it, before.shown)
    shown_ns = np.where(rolls, before.heard_ns, before.shown_ns)
    heard_ns = np.full(len(recent), each.received_ns, np.int64)
    return Movement(recent, usual, quiet_ns, heard_ns, shown, shown_ns, flagged)
