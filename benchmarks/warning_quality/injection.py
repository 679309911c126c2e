"""Faults of devices put into a recording where nothing happened: where, how long, how large; same seed, same faults.

Comes in: a recording, a kind of fault. Goes out: the recording with faults, and where they are. Refuses to know rules.

Sizes are in the scale of the sensor: the standard deviation of its values in calm time. Where it is smaller than ten
times the usual step, ten steps are the scale. So each fault is large enough to be seen in a plot. A sensor that does
not move in the place chosen is not frozen there. The fault could not be seen, and nothing would be wrong.
"""

import dataclasses
import zlib
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from benchmarks.warning_quality.replay import Recording

_SIZE = 5.0
"""Scales of an offset, and of a drift at its end."""
_SPIKE_SIZE = 10.0
_STEPS = 10.0
_MOVING = 0.25
"""Of the readings of a sensor to be frozen so many at least differ from those before them."""
_AFTER_SPIKE = 60
"""Rows that are watched after a spike."""
_TRIES = 400
_SILENCE = 1.2
"""Stale times."""


class FaultKind(StrEnum):
    """The wrong behaviour of a device."""

    STUCK = "stuck"
    DRIFT = "drift"
    OFFSET = "offset"
    SPIKE = "spike"
    DROPOUT = "dropout"
    GATEWAY = "gateway outage"


@dataclass(frozen=True, slots=True)
class Plan:
    """How many faults a recording takes, and how long they are."""

    most: int
    """Of each kind; spikes three times as many."""
    rows: int
    """Of a fault that lasts; silence lasts a little longer than the stale time."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault, in rows of its recording."""

    kind: FaultKind
    sensors: tuple[int, ...]
    first: int
    end: int
    """The first row after it."""
    until: int
    """The first row after its aftermath, in which alarms may still come from the fault."""


def inject(recording: Recording, kind: FaultKind, plan: Plan) -> tuple[Recording, tuple[Fault, ...]]:
    """Return `recording` with faults of one kind in its calm parts, each with room behind it, and where they are."""
    seed = zlib.crc32(f"{recording.name}/{kind}".encode())
    rng = np.random.default_rng(seed)
    value = recording.value.copy()
    faults: list[Fault] = []
    scale = scales(recording)
    free = calm(recording)
    length = rows_of(recording, kind, plan)
    most = 3 * plan.most if kind is FaultKind.SPIKE else plan.most
    for _ in range(_TRIES):
        if len(faults) == most or not free.any():
            break
        fault = _place(recording, kind, length, rng, free)
        if fault is None:
            continue
        # Room before the next, so that the aftermath of one is not the other's.
        free[max(0, fault.first - length) : fault.until + length] = False
        faults.append(fault)
        _spoil(value, fault, scale, rng)
    ordered = sorted(faults, key=lambda each: each.first)
    return dataclasses.replace(recording, value=value), tuple(ordered)


def rows_of(recording: Recording, kind: FaultKind, plan: Plan) -> int:
    """Return how many rows a fault lasts: one for a spike, a little more than the stale time for silence."""
    if kind is FaultKind.SPIKE:
        return 1
    if kind not in {FaultKind.DROPOUT, FaultKind.GATEWAY}:
        return plan.rows
    step_s = float(np.median(np.diff(recording.time_ns))) / 1e9
    stale_s = max(each.stale_after_s for each in recording.register.sensors)
    return int(np.ceil(_SILENCE * stale_s / step_s)) + 1


def calm(recording: Recording) -> NDArray[np.bool_]:
    """Return bool[n]: rows that are scored and in no event."""
    time_ns = recording.time_ns
    free = (time_ns >= recording.scored_ns[0]) & (time_ns <= recording.scored_ns[1])
    for event in recording.events:
        free &= (time_ns < event.begin_ns) | (time_ns > event.end_ns)
    return free


def scales(recording: Recording) -> NDArray[np.float64]:
    """Return float64[sensors]: how much each usually varies, 0 for one that never does."""
    value = recording.value[calm(recording)]
    step = np.abs(np.diff(value, axis=0))
    scale: NDArray[np.float64] = np.maximum(np.nanstd(value, axis=0), _STEPS * np.nanmean(step, axis=0))
    return scale


def _place(
    recording: Recording, kind: FaultKind, length: int, rng: np.random.Generator, free: NDArray[np.bool_]
) -> Fault | None:
    """Return a fault somewhere in the free rows; None where the place drawn does not fit."""
    n, n_sensors = recording.value.shape
    first, number = int(rng.choice(np.flatnonzero(free))), int(rng.integers(n_sensors))
    until = first + 2 * length if length > 1 else first + _AFTER_SPIKE
    if until > n or first == 0 or not free[first:until].all():
        return None
    if kind is FaultKind.GATEWAY:
        return Fault(kind, tuple(range(n_sensors)), first, first + length, until)
    told = recording.value[first - 1 : first + length, number]
    moves = float(np.mean(np.diff(told) != 0))
    varies = np.nanmax(recording.value[:, number]) > np.nanmin(recording.value[:, number])
    if np.isnan(told).any() or not varies or (kind is FaultKind.STUCK and moves < _MOVING):
        return None
    return Fault(kind, (number,), first, first + length, until)


def _spoil(value: NDArray[np.float64], fault: Fault, scale: NDArray[np.float64], rng: np.random.Generator) -> None:
    """Write the values of the faulty device into `value`."""
    rows, size = slice(fault.first, fault.end), float(rng.choice((-1.0, 1.0)))
    for number in fault.sensors:
        match fault.kind:
            case FaultKind.STUCK:
                value[rows, number] = value[fault.first - 1, number]
            case FaultKind.OFFSET:
                value[rows, number] += size * _SIZE * scale[number]
            case FaultKind.DRIFT:
                value[rows, number] += size * _SIZE * scale[number] * np.linspace(0, 1, fault.end - fault.first)
            case FaultKind.SPIKE:
                value[rows, number] += size * _SPIKE_SIZE * scale[number]
            case _:
                value[rows, number] = np.nan
