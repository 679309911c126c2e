"""The score of the Numenta Anomaly Benchmark: windows, sigmoid, three profiles, and its optimiser of the threshold.

Comes in: series of anomaly scores between 0 and 1 (an alarm is a 1). Windows are places of rows. Goes out: normed
scores. 0 is for a detector that never speaks, 100 for one that speaks once as each window begins. Refuses to know
detectors and files.

Source: `nab/sweeper.py` and `nab/runner.py` of numenta/NAB v1.1, written anew from their behaviour; checked against its
published scores.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

PROFILES = {"standard": (1.0, 0.11, 1.0), "low_fp": (1.0, 0.22, 1.0), "low_fn": (1.0, 0.11, 2.0)}
"""Gain of a found window, cost of a wrong row, cost of a missed window."""
_PROBATION = 0.15
_LONGEST = 5000
NEVER = 1.1
"""A threshold that no score reaches."""


@dataclass(frozen=True, slots=True)
class Scored:
    """One series."""

    score: NDArray[np.float64]
    windows: Sequence[tuple[int, int]]
    """First and last row of each, in order."""


@dataclass(frozen=True, slots=True)
class Corpus:
    """The rows of several series that count, and the gain of each."""

    score: NDArray[np.float64]
    window: NDArray[np.intp]
    """Number of the window that the row is in, -1 outside."""
    worth: NDArray[np.float64]
    """Of a row in a window: the gain of finding it there; outside: less than 0, before the cost."""
    n_windows: int


def corpus_of(series: Sequence[Scored]) -> Corpus:
    """Return the rows of `series` that count: those after probation."""
    columns, n = [], 0
    for each in series:
        window, worth = _rows(each, n)
        first = probation(len(each.score))
        columns.append((each.score[first:], window[first:], worth[first:]))
        n += len(each.windows)
    score, window, worth = (np.concatenate(parts) for parts in zip(*columns, strict=True))
    return Corpus(score, window, worth, n)


def probation(n_rows: int) -> int:
    """Return how many rows at the begin of a series are for learning."""
    return int(min(np.floor(_PROBATION * n_rows), _PROBATION * _LONGEST))


def _rows(series: Scored, first: int) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Return for each row its window, numbered from `first`, and its worth."""
    n = len(series.score)
    window, place = np.full(n, -1, np.intp), np.arange(n, dtype=np.float64)
    worth = np.full(n, -1.0)
    for i, (begin, end) in enumerate(series.windows):
        width = end - begin + 1
        after = np.arange(end + 1, n)
        worth[after] = _sigmoid((after - end) / max(width - 1, 1))
        inside = np.arange(begin, end + 1)
        window[inside] = first + i
        worth[inside] = _sigmoid(-(end - place[inside] + 1) / width) / _sigmoid(np.array([-1.0]))
    return window, worth


def _sigmoid(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(x >= 3.0, -1.0, 2.0 / (1.0 + np.exp(5.0 * np.minimum(x, 3.0))) - 1.0)


def score_at(corpus: Corpus, threshold: float, profile: str) -> float:
    """Return the normalised score with alarms where the anomaly score is at least `threshold`."""
    tp, fp_cost, fn_cost = PROFILES[profile]
    said = corpus.score >= threshold
    wrong = said & (corpus.window < 0)
    best = np.full(corpus.n_windows, -fn_cost)
    right = said & (corpus.window >= 0)
    np.maximum.at(best, corpus.window[right], corpus.worth[right] * tp)
    raw = fp_cost * corpus.worth[wrong].sum() + best.sum()
    return _normalised(float(raw), corpus, profile)


def best_threshold(corpus: Corpus, profile: str) -> tuple[float, float]:
    """Return the threshold that suits these series best, and the normalised score with it; the higher one on a tie."""
    tp, fp_cost, fn_cost = PROFILES[profile]
    order = np.argsort(-corpus.score, kind="stable")
    score, window, worth = corpus.score[order], corpus.window[order], corpus.worth[order]
    gain = np.where(window < 0, fp_cost * worth, 0.0)
    inside = np.flatnonzero(window >= 0)
    best = np.full(corpus.n_windows, -fn_cost)
    for row in inside:
        better = max(best[window[row]], tp * worth[row])
        gain[row] = better - best[window[row]]
        best[window[row]] = better
    total = np.cumsum(gain) - fn_cost * corpus.n_windows
    last = np.flatnonzero(np.append(score[1:] != score[:-1], True))
    thresholds = np.concatenate(([NEVER], score[last]))
    totals = np.concatenate(([-fn_cost * corpus.n_windows], total[last]))
    place = int(np.argmax(totals))
    return float(thresholds[place]), _normalised(float(totals[place]), corpus, profile)


def _normalised(raw: float, corpus: Corpus, profile: str) -> float:
    tp, _, fn_cost = PROFILES[profile]
    nothing, perfect = -fn_cost * corpus.n_windows, tp * corpus.n_windows
    return 100 * (raw - nothing) / (perfect - nothing)
