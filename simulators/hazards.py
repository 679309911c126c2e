"""Hazards of lifelines: the pipe empties, gas rises, the bridge bends; the device lives and tells the truth.

Comes in: a device's trace. Goes out: the trace as the lifeline in danger makes it. Refuses to know faults and limits.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from simulators.noise import FloatArray, IntArray, white
from simulators.trace import DeviceTrace


def course(time_ns: IntArray, start_ns: int, end_ns: int, rise_s: float, fall_s: float) -> FloatArray:
    """Return how far a hazard has come, float64[n], 0..1: rises from its start, stays, falls from its end."""
    rise = (time_ns - start_ns) / (rise_s * 1e9)
    fall = 1.0 - (time_ns - end_ns) / (fall_s * 1e9)
    return np.clip(np.minimum(rise, fall), 0.0, 1.0)


@dataclass(frozen=True, slots=True)
class Loss:
    """Something is lost until nothing is left: values sink to 0 and come back after the end."""

    devices: frozenset[str]
    start_ns: int
    end_ns: int
    channels: frozenset[str]
    rise_s: float
    """From untouched to nothing left, seconds."""
    fall_s: float
    """From the end until everything is back, seconds."""
    residue: float
    """Standard deviation of what a live instrument still shows at nothing, canonical unit; never below 0."""
    longest_delay_ns: int = 0

    def apply(self, trace: DeviceTrace, onset: DeviceTrace) -> DeviceTrace:
        """Return the trace with the loss."""
        del onset
        lost = course(trace.measured_ns, self.start_ns, self.end_ns, self.rise_s, self.fall_s)
        tremble = np.abs(self.residue * white(trace.seed, f"{trace.device}/residue", trace.seq))
        changed = {
            channel: np.where(lost > 0.0, trace.values[channel] * (1.0 - lost) + tremble * lost, trace.values[channel])
            for channel in self.channels & trace.values.keys()
        }
        return trace.with_values(changed)


@dataclass(frozen=True, slots=True)
class Rise:
    """Something is added: values rise by an amount and sink back after the end."""

    devices: frozenset[str]
    start_ns: int
    end_ns: int
    amounts: Mapping[str, float]
    """Channel to what is added at the top, canonical unit."""
    rise_s: float
    fall_s: float
    longest_delay_ns: int = 0

    def apply(self, trace: DeviceTrace, onset: DeviceTrace) -> DeviceTrace:
        """Return the trace with the rise."""
        del onset
        risen = course(trace.measured_ns, self.start_ns, self.end_ns, self.rise_s, self.fall_s)
        changed = {
            channel: trace.values[channel] + risen * amount
            for channel, amount in self.amounts.items()
            if channel in trace.values
        }
        return trace.with_values(changed)
