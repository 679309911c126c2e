"""Faults of devices and gateways: the device is broken, the lifeline is not.

Input: a device's trace.
Output: the trace as the broken device sends it.
Not responsible for: hazards.
Rejects: nothing.
"""

from dataclasses import dataclass, replace

import numpy as np

from simulators.noise import white
from simulators.trace import DeviceTrace

_UPLOAD_STEP_NS = 1_000_000
"""A gateway empties its buffer at 1,000 messages a second and device. Assumed."""


@dataclass(frozen=True, slots=True)
class FlatZero:
    """A dead device with a live gateway: every channel but the heartbeat reads 0, the heartbeat stands."""

    devices: frozenset[str]
    start_ns: int
    end_ns: int
    channels: frozenset[str]
    """Channels that read exactly 0; all others keep their last value."""
    longest_delay_ns: int = 0

    def apply(self, trace: DeviceTrace, onset: DeviceTrace) -> DeviceTrace:
        """Return the trace with zeros and standing counters while it is dead."""
        dead = trace.within(self.start_ns, self.end_ns)
        changed = {
            channel: np.where(dead, 0.0 if channel in self.channels else onset.values[channel][-1], column)
            for channel, column in trace.values.items()
        }
        return trace.with_values(changed)


@dataclass(frozen=True, slots=True)
class Silence:
    """A dead device that sends nothing at all."""

    devices: frozenset[str]
    start_ns: int
    end_ns: int
    longest_delay_ns: int = 0

    def apply(self, trace: DeviceTrace, onset: DeviceTrace) -> DeviceTrace:
        """Return the trace without the samples of that time."""
        del onset
        return trace.take(~trace.within(self.start_ns, self.end_ns))


@dataclass(frozen=True, slots=True)
class Outage:
    """A gateway without uplink: its devices measure on, and it uploads its buffer when the link is back."""

    devices: frozenset[str]
    start_ns: int
    end_ns: int

    @property
    def longest_delay_ns(self) -> int:
        """The outage, and as long again for the upload."""
        return 2 * (self.end_ns - self.start_ns)

    def apply(self, trace: DeviceTrace, onset: DeviceTrace) -> DeviceTrace:
        """Return the trace with held messages sent behind the end, in order of measurement."""
        held = trace.within(self.start_ns, self.end_ns)
        place = trace.seq - onset.seq[-1]
        return trace.with_sent(np.where(held, self.end_ns + place * _UPLOAD_STEP_NS, trace.sent_ns))


@dataclass(frozen=True, slots=True)
class WrongClock:
    """A wrong clock: values are measured as ever and sent with another time.

    The last of a device's faults, for the others go by its times.
    """

    devices: frozenset[str]
    start_ns: int
    end_ns: int
    ahead_ns: int
    """How far it is ahead; negative: behind."""
    longest_delay_ns: int = 0

    def apply(self, trace: DeviceTrace, onset: DeviceTrace) -> DeviceTrace:
        """Return the trace with times by that clock."""
        del onset
        wrong = trace.within(self.start_ns, self.end_ns)
        return replace(trace, measured_ns=np.where(wrong, trace.measured_ns + self.ahead_ns, trace.measured_ns))


@dataclass(frozen=True, slots=True)
class Stuck:
    """An instrument that repeats its last value while the device lives: the heartbeat counts on."""

    devices: frozenset[str]
    start_ns: int
    end_ns: int
    channel: str
    longest_delay_ns: int = 0

    def apply(self, trace: DeviceTrace, onset: DeviceTrace) -> DeviceTrace:
        """Return the trace with one channel standing still."""
        stuck = trace.within(self.start_ns, self.end_ns)
        return trace.with_values(
            {self.channel: np.where(stuck, onset.values[self.channel][-1], trace.values[self.channel])}
        )


@dataclass(frozen=True, slots=True)
class Noise:
    """An instrument that trembles: a bad contact, moisture in the plug."""

    devices: frozenset[str]
    start_ns: int
    end_ns: int
    channel: str
    sigma: float
    """Standard deviation of the added noise, canonical unit."""
    longest_delay_ns: int = 0

    def apply(self, trace: DeviceTrace, onset: DeviceTrace) -> DeviceTrace:
        """Return the trace with noise on one channel."""
        del onset
        noisy = trace.within(self.start_ns, self.end_ns)
        added = self.sigma * white(trace.seed, f"{trace.device}.{self.channel}/fault", trace.seq)
        return trace.with_values({self.channel: trace.values[self.channel] + np.where(noisy, added, 0.0)})
