"""`Regression`: the expected value of a target, given features, learned with forgetting for many bindings at once.

Input: features and targets.
Output: expected values, the distance of features from the learned ones, and the scale of residuals.
Not responsible for: the meaning of features.
Rejects: nothing.

It keeps the weighted sums of the normal equations and not their inverse. With features that are constant for weeks an
inverse would grow without bound, but sums only fade. Both give the same coefficients.
"""

import numpy as np
from numpy.typing import NDArray

FEATURES = 4
"""A constant and up to three other features."""
_RIDGE = 1e-6
"""Keeps the coefficient of a constant feature at 0; far below the sums of a varying feature."""


class Regression:
    """Weighted least squares of each binding."""

    def __init__(
        self,
        memory_ns: NDArray[np.int64],
        warm_ns: NDArray[np.int64],
        least: NDArray[np.float64],
        n_features: int = FEATURES,
    ) -> None:
        """Make empty sums.

        Args:
            memory_ns: int64[n_bindings], time constant of older readings.
            warm_ns: int64[n_bindings], learned time before a value is known.
            least: float64[n_bindings], the smallest sigma.
            n_features: largest number of features of a binding, the constant included; others are not computed.
        """
        n = len(memory_ns)
        self._used = n_features
        self._memory_ns, self._warm_ns, self._least = memory_ns, warm_ns, least
        self._squares, self._products = np.zeros((n, FEATURES, FEATURES)), np.zeros((n, FEATURES))
        self._centre, self._target_centre = np.zeros((n, FEATURES)), np.zeros(n)
        self._variance, self._n_left = np.zeros(n), np.zeros(n, np.int64)
        self._n, self._learned_ns = np.zeros(n, np.int64), np.zeros(n, np.int64)

    def predict(
        self, b: NDArray[np.intp], features: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return (expected, leverage), both float64[n]; expected is NaN before the learned time is long enough.

        Leverage is the variance of the expected value over that of a reading. It is small among learned features, and
        above 1 for features too far outside them.

        Args:
            b: intp[n], distinct bindings.
            features: float64[n, FEATURES], the first is 1, missing features of a binding are 0.
        """
        used = self._used
        # Whole rows are taken and then cut: taking parts of rows costs several times as much.
        off = (features - self._centre.take(b, axis=0))[:, :used]
        squares = self._squares.take(b, axis=0)[:, :used, :used] + _RIDGE * np.eye(used)
        right = np.stack((self._products.take(b, axis=0)[:, :used], off), axis=2)
        solved = _solve(squares, right)
        expected = (off * solved[:, :, 0]).sum(axis=1) + self._target_centre[b]
        leverage = (off * solved[:, :, 1]).sum(axis=1)
        is_known = (self._learned_ns[b] >= self._warm_ns[b]) & (self._n[b] > 0)
        return np.where(is_known, expected, np.nan), leverage

    def sigma(self, b: NDArray[np.intp]) -> NDArray[np.float64]:
        """Return float64[n]: the standard deviation of residuals of learned readings."""
        return np.maximum(np.sqrt(self._variance[b]), self._least[b])

    def learn(
        self,
        b: NDArray[np.intp],
        features: NDArray[np.float64],
        target: NDArray[np.float64],
        elapsed_ns: NDArray[np.int64],
    ) -> None:
        """Add a reading of each of distinct bindings, `elapsed_ns` after the reading before."""
        is_first = self._n[b] == 0
        first = b[is_first]
        # Differences from the first reading keep the sums small; the constant stays 1.
        self._centre[first, 1:], self._target_centre[first] = features[is_first, 1:], target[is_first]
        used = self._used
        off = (features - self._centre.take(b, axis=0))[:, :used]
        height = target - self._target_centre[b]
        kept = (self._memory_ns[b] / (self._memory_ns[b] + elapsed_ns))[:, np.newaxis]
        squares, products = self._squares.take(b, axis=0), self._products.take(b, axis=0)
        squares[:, :used, :used] *= kept[:, np.newaxis]
        squares[:, :used, :used] += off[:, :, np.newaxis] * off[:, np.newaxis]
        products[:, :used] = kept * products[:, :used] + off * height[:, np.newaxis]
        self._squares[b], self._products[b] = squares, products
        self._n[b] += 1
        self._learned_ns[b] = np.minimum(self._learned_ns[b] + elapsed_ns, self._warm_ns[b])

    def learn_scale(self, b: NDArray[np.intp], left: NDArray[np.float64], elapsed_ns: NDArray[np.int64]) -> None:
        """Add the residual `left` of a reading of each of distinct bindings."""
        share = np.maximum(elapsed_ns / (elapsed_ns + self._memory_ns[b]), 1 / (self._n_left[b] + 1.0))
        self._variance[b] += share * (left * left - self._variance[b])
        self._n_left[b] += 1

    def forget(self, b: NDArray[np.intp]) -> None:
        """Forget bindings `b`."""
        for column in self.columns().values():
            column[b] = 0

    def columns(self) -> dict[str, NDArray[np.generic]]:
        """Return the columns that outlive a restart; first axis: bindings."""
        return {
            "squares": self._squares,
            "products": self._products,
            "centre": self._centre,
            "target_centre": self._target_centre,
            "variance": self._variance,
            "n_left": self._n_left,
            "n": self._n,
            "learned_ns": self._learned_ns,
        }


def _solve(squares: NDArray[np.float64], right: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return float64[n, p, k]: `right` over the positive definite `squares`, float64[n, p, p]; both are overwritten.

    Written out because a column of small systems is cheaper than one library call for each.
    """
    size = squares.shape[1]
    for i in range(size):
        for j in range(i + 1, size):
            factor = (squares[:, j, i] / squares[:, i, i])[:, np.newaxis]
            squares[:, j, i:] -= factor * squares[:, i, i:]
            right[:, j] -= factor * right[:, i]
    for i in reversed(range(size)):
        for j in range(i + 1, size):
            right[:, i] -= squares[:, i, j, np.newaxis] * right[:, j]
        right[:, i] /= squares[:, i, i, np.newaxis]
    return right
