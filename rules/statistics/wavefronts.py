"""`Wavefronts`: one pressure wave at two sensors along a pipe, and the place where it began.

Input: the time of the wave at each sensor, in the order in which it becomes known.
Output: waves confirmed by two sensors, and the distance of the origin from the sensor.
Not responsible for: pressures.
Rejects: nothing.

A wave begins x metres from one sensor and L - x from another. It reaches them x / c and (L - x) / c later. So
x = (L - c dt) / 2, with dt the later arrival at the other sensor. No two arrivals of one wave are further apart than
L / c. Source: the negative pressure wave method.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from config.register import Register
from config.time_units import SECOND_NS
from rules.kind import NEVER_NS, BoundRule
from rules.neighbourhood import along_m


@dataclass(frozen=True, slots=True)
class PipeNeighbour:
    """Another binding of the same rule along the pipe."""

    binding: int
    length_m: float


@dataclass(frozen=True, slots=True)
class Place:
    """The place where a wave began."""

    binding: int
    other: int
    from_m: float
    """Metres from the asset of `binding` towards that of `other`."""
    error_m: float
    """Largest error of the place, metres, if clocks and samples differ by the tolerance."""
    length_m: float
    """Metres between the two."""


def pipe_neighbours(
    bound: Sequence[BoundRule], register: Register, reach_m: Sequence[float]
) -> Mapping[int, Sequence[PipeNeighbour]]:
    """Return for each binding the others of its rule at other assets within `reach_m` of the rule, nearest first."""
    found: dict[int, list[PipeNeighbour]] = {}
    first = 0
    for each, limit_m in zip(bound, reach_m, strict=True):
        by_asset: dict[str, list[int]] = {}
        for i, number in enumerate(each.rule.sensors, first):
            by_asset.setdefault(register.sensors[number].asset, []).append(i)
        for asset, bindings in by_asset.items():
            ways = along_m(register, asset, limit_m)
            near = [
                PipeNeighbour(other, way)
                for name, way in ways.items()
                if name != asset
                for other in by_asset.get(name, ())
            ]
            for binding in bindings:
                found[binding] = sorted(near, key=lambda reach: (reach.length_m, reach.binding))
        first += len(each.rule.sensors)
    return found


class Wavefronts:
    """The newest arrival of each binding, and which of them was confirmed."""

    def __init__(
        self,
        reaches_of: Mapping[int, Sequence[PipeNeighbour]],
        speed_m_s: NDArray[np.float64],
        tolerance_ns: NDArray[np.int64],
    ) -> None:
        """Make no arrivals; float64[n_bindings] `speed_m_s` and int64[n_bindings] `tolerance_ns` are of the rules."""
        n = len(speed_m_s)
        self._reaches, self._speed_m_s, self._tolerance_ns = reaches_of, speed_m_s, tolerance_ns
        self._seen_ns, self._clock = np.full(n, NEVER_NS), np.zeros(n, np.bool_)
        self.confirmed_ns: NDArray[np.int64] = np.full(n, NEVER_NS)
        """Event time of the newest arrival of each binding that another has confirmed."""

    def arrive(self, binding: int, time_ns: int, *, clock: bool) -> list[tuple[int, int]]:
        """Return (binding, its arrival) of all that this arrival confirms, itself included, and remember it.

        Args:
            binding: the binding that saw it.
            time_ns: event time.
            clock: the time is a received time; it cannot be compared with times by the devices' own clocks.
        """
        self._seen_ns[binding], self._clock[binding] = time_ns, clock
        matching = [reach.binding for reach in self._reaches.get(binding, ()) if self._matches(binding, reach)]
        confirmed = [(each, int(self._seen_ns[each])) for each in (matching and [binding, *matching])]
        for each, seen_ns in confirmed:
            self.confirmed_ns[each] = seen_ns
        return confirmed

    def _matches(self, binding: int, reach: PipeNeighbour) -> bool:
        seen_ns = int(self._seen_ns[reach.binding])
        if seen_ns == NEVER_NS or self._clock[reach.binding] != self._clock[binding]:
            return False
        longest_ns = reach.length_m / self._speed_m_s[binding] * SECOND_NS + self._tolerance_ns[binding]
        return bool(abs(seen_ns - int(self._seen_ns[binding])) <= longest_ns)

    def place(self, binding: int) -> Place | None:
        """Return the origin of the newest wave at `binding`; None without a confirmation by the same clock."""
        if self._clock[binding] or self.confirmed_ns[binding] != self._seen_ns[binding]:
            return None
        for reach in self._reaches.get(binding, ()):
            if self._matches(binding, reach):
                later_s = (int(self._seen_ns[reach.binding]) - int(self._seen_ns[binding])) / SECOND_NS
                from_m = (reach.length_m - self._speed_m_s[binding] * later_s) / 2
                error_m = float(self._speed_m_s[binding] * self._tolerance_ns[binding]) / SECOND_NS / 2
                on_pipe_m = min(max(float(from_m), 0.0), reach.length_m)
                return Place(binding, reach.binding, on_pipe_m, error_m, reach.length_m)
        return None

    def touched_by(self, binding: int) -> list[int]:
        """Return the bindings with a place that an arrival at `binding` can change."""
        return [binding, *(reach.binding for reach in self._reaches.get(binding, ()))]

    def columns(self) -> dict[str, NDArray[np.generic]]:
        """Return the columns that outlive a restart; first axis: bindings."""
        return {"seen_ns": self._seen_ns, "seen_clock": self._clock, "confirmed_ns": self.confirmed_ns}
