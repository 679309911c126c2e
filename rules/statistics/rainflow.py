"""`Rainflow`: closed cycles of a varying value, counted with a stack of turning points for each binding.

Input: one value of each of many bindings at a time.
Output: the damage of the cycles so far.
Not responsible for: the damaged part.
Rejects: nothing.

The inner two of four consecutive turning points are a cycle where their range is no larger than both adjacent ranges.
The cycle counts as one and leaves the stack. Ranges that stay in the stack count as half cycles. So every full and half
cycle has the range and the weight of ASTM E1049-85 (2017), 5.4.4. A cycle of range r adds (r / reference) ** slope.
Source of the form with four points: Amzallag et al., Int. J. Fatigue 16 (1994).
"""

import numpy as np
from numpy.typing import NDArray

DEPTH = 64
"""Kept turning points. Beyond them the oldest range counts as the half cycle that it will be in the end; assumed:
ranges that shrink so often in a row without closing do no damage."""


class Rainflow:
    """The open turning point, the stack and the damage of each binding."""

    def __init__(self, least: NDArray[np.float64], reference: NDArray[np.float64], slope: NDArray[np.float64]) -> None:
        """Make empty stacks.

        Args:
            least: float64[n_bindings], smaller ranges are no cycles; 0 counts all ranges.
            reference: float64[n_bindings], the range that does a damage of 1.
            slope: float64[n_bindings], the exponent.
        """
        n = len(least)
        self._least, self._reference, self._slope = least, reference, slope
        self._tip, self._way = np.zeros(n), np.zeros(n, np.int8)
        self._begun = np.zeros(n, np.bool_)
        self._stack, self._size = np.zeros((n, DEPTH)), np.zeros(n, np.int64)
        self._share = np.zeros((n, DEPTH))
        """The damage of the range before each turning point as a cycle."""
        self._closed, self._open = np.zeros(n), np.zeros(n)

    def add(self, b: NDArray[np.intp], value: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return float64[n]: the damage so far of each of distinct bindings `b`, after their values."""
        way = self._way[b]
        step = np.where(self._begun[b], value - self._tip[b], 0.0)
        goes_on = step * way > 0
        reverses = ~goes_on & (step != 0) & (np.abs(step) >= self._least[b])
        if reverses.any():
            self._push(b[reverses], self._tip[b[reverses]])
            self._way[b[reverses]] = np.sign(step[reverses])
        moves = goes_on | reverses | ~self._begun[b]
        self._tip[b[moves]] = value[moves]
        self._begun[b] = True
        damage: NDArray[np.float64] = self._closed[b] + self._open[b]
        return damage

    def _push(self, b: NDArray[np.intp], point: NDArray[np.float64]) -> None:
        """Put a turning point on the stack of each of `b`, count closed cycles, and sum up the rest."""
        full = b[self._size[b] == DEPTH]
        self._closed[full] += 0.5 * self._share[full, 1]
        for column in (self._stack, self._share):
            column[full, :-1] = column[full, 1:]
        self._share[full, 0] = 0
        self._size[full] -= 1
        self._stack[b, self._size[b]] = point
        self._size[b] += 1
        grown = b[self._size[b] >= 2]
        self._weigh(grown, self._size[grown] - 1)
        waiting = b[self._size[b] >= 4]
        while len(waiting):
            waiting = self._close(waiting)
        # Always over the whole stack: the order of a sum must not depend on other bindings.
        self._open[b] = 0.5 * self._share[b].sum(axis=1)

    def _weigh(self, b: NDArray[np.intp], place: NDArray[np.int64]) -> None:
        """Set the damage of the range before each `place` of the stack as a cycle."""
        ranges = np.abs(self._stack[b, place] - self._stack[b, place - 1])
        self._share[b, place] = (ranges / self._reference[b]) ** self._slope[b]

    def _close(self, b: NDArray[np.intp]) -> NDArray[np.intp]:
        """Count the innermost closed cycles of `b`, and return the bindings that may have another."""
        top = self._size[b]
        last = self._stack[b[:, np.newaxis], top[:, np.newaxis] - np.arange(4, 0, -1)]
        before, inner, after = np.abs(np.diff(last, axis=1)).T
        closes = (inner <= before) & (inner <= after)
        b, top, last = b[closes], top[closes], last[closes]
        self._closed[b] += self._share[b, top - 2]
        self._stack[b, top - 3] = last[:, 3]
        self._weigh(b, top - 3)
        # Places above the stack are zero, so that equal histories leave equal columns.
        for column in (self._stack, self._share):
            column[b, top - 2] = 0
            column[b, top - 1] = 0
        self._size[b] = top - 2
        return b[self._size[b] >= 4]

    def columns(self) -> dict[str, NDArray[np.generic]]:
        """Return the columns that outlive a restart; first axis: bindings."""
        return {
            "tip": self._tip,
            "way": self._way,
            "begun": self._begun,
            "stack": self._stack,
            "share": self._share,
            "size": self._size,
            "closed": self._closed,
            "open": self._open,
        }
