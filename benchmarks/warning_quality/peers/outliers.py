"""Outlier detectors of scikit-learn and PyOD: fitted to the learned rows of a site, then asked row by row.

Comes in: the visible part of a recording. Goes out: levels of the site. All have the defaults of their libraries but
for the share of learned rows that they take for outliers. It is 0.0005, as published for the isolation forest of the
SKAB leaderboard.
"""

from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from benchmarks.warning_quality.peers.seam import Levels, Peer, Seen, Values, marked, scaled

_SHARE = 0.0005
_CHUNK = 20_000


class _Fitted(Protocol):
    def decision_function(self, rows: Values) -> Values: ...


def forest(seen: Seen) -> Levels:
    """Return where two of three rows in a row stand out of an isolation forest, as on SKAB's leaderboard."""
    from sklearn.ensemble import IsolationForest  # noqa: PLC0415 - an optional extra

    value = scaled(seen)
    fitted = IsolationForest(random_state=0, n_jobs=1, contamination=_SHARE).fit(value[: seen.learned])
    odd = _asked(fitted, value, seen.learned) < 0
    two_of_three = np.convolve(odd, np.ones(3, np.int8))[: len(odd)] >= 2
    return marked(two_of_three[:, None], seen.learned)


def local_factor(seen: Seen) -> Levels:
    """Return where scikit-learn's local outlier factor finds something new."""
    from sklearn.neighbors import LocalOutlierFactor  # noqa: PLC0415 - an optional extra

    value = scaled(seen)
    fitted = LocalOutlierFactor(novelty=True, contamination=_SHARE, n_jobs=1).fit(value[: seen.learned])
    return marked((_asked(fitted, value, seen.learned) < 0)[:, None], seen.learned)


def neighbours(seen: Seen) -> Levels:
    """Return where PyOD's KNN finds outliers."""
    from pyod.models.knn import KNN  # noqa: PLC0415 - an optional extra

    return _pyod(seen, lambda: KNN(contamination=_SHARE))


def histograms(seen: Seen) -> Levels:
    """Return where PyOD's HBOS finds outliers."""
    from pyod.models.hbos import HBOS  # noqa: PLC0415 - an optional extra

    return _pyod(seen, lambda: HBOS(contamination=_SHARE))


def tails(seen: Seen) -> Levels:
    """Return where ECOD finds outliers: PyOD's limit on the learned rows, its score of each other row with them alone.

    PyOD's own `decision_function` ranks the rows that it is asked about among each other, later ones included.
    """
    from pyod.models.ecod import ECOD  # noqa: PLC0415 - an optional extra

    value = scaled(seen)
    fitted = ECOD(contamination=_SHARE).fit(value[: seen.learned])
    return marked((tail_scores(value[: seen.learned], value) > fitted.threshold_)[:, None], seen.learned)


def tail_scores(learned: Values, rows: Values) -> Values:
    """Return ECOD's score of each row as if it were the only one asked about, float64[n]."""
    n = len(learned) + 1
    score = np.zeros(len(rows))
    for known, x in zip(learned.T, rows.T, strict=True):
        ascending = np.sort(known)
        left = -np.log((np.searchsorted(ascending, x, side="right") + 1) / n)
        right = -np.log((len(known) - np.searchsorted(ascending, x) + 1) / n)
        skewed = _skewness_sign(known, x)
        by_skew = -left * np.sign(skewed - 1) + right * np.sign(skewed + 1)
        score += np.maximum(np.maximum(left, right), by_skew)
    return score


def _skewness_sign(known: Values, x: Values) -> Values:
    """Return the sign of the skewness of `known` with each one of `x` added."""
    n, about = len(known) + 1, known.mean()
    s1, s2, s3 = (float(((known - about) ** i).sum()) + (x - about) ** i for i in (1, 2, 3))
    mean = s1 / n
    third = s3 / n - 3 * mean * s2 / n + 2 * mean**3
    return np.asarray(np.sign(third))


def _pyod(seen: Seen, make: Callable[[], object]) -> Levels:
    value = scaled(seen)
    detector = make()
    detector.fit(value[: seen.learned])
    return marked((_asked(detector, value, seen.learned) > detector.threshold_)[:, None], seen.learned)


def _asked(fitted: _Fitted, value: Values, learned: int) -> NDArray[np.float64]:
    """Return the score of each row, 0 in those for learning."""
    score = np.zeros(len(value))
    for begin in range(learned, len(value), _CHUNK):
        score[begin : begin + _CHUNK] = fitted.decision_function(value[begin : begin + _CHUNK])
    return score


_OF_SHARE = "defaults; 0.0005 of the learned rows taken for outliers"
PEERS = (
    Peer("isolation forest", "scikit-learn", f"{_OF_SHARE}, 2 of 3 rows", forest),
    Peer("LOF", "scikit-learn", f"{_OF_SHARE}, novelty", local_factor),
    Peer("KNN", "pyod", _OF_SHARE, neighbours),
    Peer("HBOS", "pyod", _OF_SHARE, histograms),
    Peer("ECOD", "pyod", f"{_OF_SHARE}, each row asked alone", tails),
)
