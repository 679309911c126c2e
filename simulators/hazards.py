"""Hazards of lifelines: the pipe empties, gas rises, the bridge bends; the device works.

Input: a device's trace.
Output: the trace as the lifeline in danger makes it.
Not responsible for: faults and limits.
Rejects: nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from simulators.noise import FloatArray, IntArray, white
from simulators.trace import DeviceTrace


def _ramp(time_ns: IntArray, start_ns: int, duration_s: float) -> FloatArray:
    """Return 0 before `start_ns`, then a straight line that is 1 after `duration_s`, float64[n]."""
    return np.clip((time_ns - start_ns) / (duration_s * 1e9), 0.0, 1.0)


@dataclass(frozen=True, slots=True)
class Loss:
    """Something leaks away: values decay towards 0 and come back after the end."""

    devices: frozenset[str]
    start_ns: int
    end_ns: int
    channels: frozenset[str]
    time_constant_s: float
    """After this time 1/e is left, seconds: a leak slows down with the pressure that drives it."""
    return_s: float
    """From the end until everything is back, seconds."""
    residue: float
    """Standard deviation of a live instrument at zero, canonical unit; never below 0."""
    longest_delay_ns: int = 0

    def apply(self, trace: DeviceTrace, onset: DeviceTrace) -> DeviceTrace:
        """Return the trace with the loss."""
        del onset
        leaking_ns = np.clip(trace.measured_ns, self.start_ns, self.end_ns) - self.start_ns
        back = _ramp(trace.measured_ns, self.end_ns, self.return_s)
        lost = (1.0 - np.exp(-leaking_ns / (self.time_constant_s * 1e9))) * (1.0 - back)
        tremble = np.abs(self.residue * white(trace.seed, f"{trace.device}/residue", trace.seq))
        changed = {
            channel: trace.values[channel] * (1.0 - lost) + tremble * lost
            for channel in self.channels & trace.values.keys()
        }
        return trace.with_values(changed)


@dataclass(frozen=True, slots=True)
class Rise:
    """Something is added: values rise to a top, tremble there as before, and sink back after the end."""

    devices: frozenset[str]
    start_ns: int
    end_ns: int
    tops: Mapping[str, float]
    """Channel to where it rises to, canonical unit."""
    rise_s: float
    """From the start to the top, seconds."""
    return_s: float
    """From the end until everything is gone, seconds."""
    longest_delay_ns: int = 0

    def apply(self, trace: DeviceTrace, onset: DeviceTrace) -> DeviceTrace:
        """Return the trace with the rise."""
        back = _ramp(trace.measured_ns, self.end_ns, self.return_s)
        risen = _ramp(trace.measured_ns, self.start_ns, self.rise_s) * (1.0 - back)
        changed = {
            channel: trace.values[channel] + risen * (top - onset.values[channel][-1])
            for channel, top in self.tops.items()
            if channel in trace.values
        }
        return trace.with_values(changed)


@dataclass(frozen=True, slots=True)
class Offset:
    """Something moves and stays moved until it is mended: a support settles, a burst takes pressure."""

    devices: frozenset[str]
    start_ns: int
    end_ns: int
    amounts: Mapping[str, float]
    """Channel to the final addition, canonical unit; may be negative."""
    over_s: float
    """From the start until all of it is there, seconds."""
    return_s: float
    """From the end until it is gone, seconds."""
    longest_delay_ns: int = 0

    def apply(self, trace: DeviceTrace, onset: DeviceTrace) -> DeviceTrace:
        """Return the trace with the addition."""
        del onset
        back = _ramp(trace.measured_ns, self.end_ns, self.return_s)
        there = _ramp(trace.measured_ns, self.start_ns, self.over_s) * (1.0 - back)
        changed = {
            channel: trace.values[channel] + there * amount
            for channel, amount in self.amounts.items()
            if channel in trace.values
        }
        return trace.with_values(changed)


@dataclass(frozen=True, slots=True)
class Creep:
    """A slope on its way to failure: its speed is `rate` over the share of time that is left, until it falls.

    Source: the reciprocal of the speed falls on a straight line before failure (Fukuzono 1985, exponent 2).
    """

    devices: frozenset[str]
    start_ns: int
    end_ns: int
    """When it fails."""
    channel: str
    rate_mm_day: float
    """Speed at the start."""
    longest_delay_ns: int = 0

    def apply(self, trace: DeviceTrace, onset: DeviceTrace) -> DeviceTrace:
        """Return the trace with the creep; from the last minute before failure on it stands still."""
        del onset
        whole_ns = self.end_ns - self.start_ns
        elapsed = np.clip(trace.measured_ns - self.start_ns, 0, whole_ns - 60_000_000_000)
        days = whole_ns / 86_400e9
        moved = -self.rate_mm_day * days * np.log1p(-elapsed / whole_ns)
        return trace.with_values({self.channel: trace.values[self.channel] + moved})
