"""The two scores of the SKAB leaderboard: of points (F1, FAR, MAR) and of change points (NAB's idea, other windows).

Comes in: the truth and the marks of a detector, row by row, of several files. Goes out: scores, percent where they say
so. Refuses to know detectors and files.

Source: `core/metrics.py` of waico/SKAB (`chp_score`), written anew from its behaviour; checked against its leaderboard.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Marks = NDArray[np.bool_]
PROFILES = {"standard": (0.11, 1.0), "low_fp": (0.22, 1.0), "low_fn": (0.11, 2.0)}
"""Cost of a wrong and of a missing detection; a right one earns 1."""
_STEPS = 1000
"""The sigmoid is a table of so many places, as in the original."""


@dataclass(frozen=True, slots=True)
class PointScore:
    """Rows of all files together."""

    f1: float
    far_percent: float
    mar_percent: float


def score_points(true: Sequence[Marks], said: Sequence[Marks]) -> PointScore:
    """Return F1, false alarm rate and missing alarm rate of rows.

    >>> score_points([np.array([False, True, True, False])], [np.array([True, True, False, False])])
    PointScore(f1=0.5, far_percent=50.0, mar_percent=50.0)
    """
    t, s = np.concatenate(true), np.concatenate(said)
    tp = int((t & s).sum())
    fp = int((~t & s).sum())
    fn = int((t & ~s).sum())
    tn = int((~t & ~s).sum())
    wrong = (fn + fp) / 2
    return PointScore(tp / max(tp + wrong, 1), 100 * fp / max(fp + tn, 1), 100 * fn / max(fn + tp, 1))


def score_changes(
    times_s: Sequence[NDArray[np.float64]], true: Sequence[Marks], said: Sequence[Marks], window_s: float
) -> dict[str, float]:
    """Return the score of each profile: 100 for one detection at each window begin, 0 for none.

    A window of `window_s` ends at each true change point; of two that overlap the later begins where the earlier ends.
    """
    parts = [_parts(t, c, s, window_s) for t, c, s in zip(times_s, true, said, strict=True)]
    n_windows = sum(len(places) for places, _ in parts)
    n_wrong = sum(wrong for _, wrong in parts)
    places = [place for each, _ in parts for place in each]
    return {
        name: 100 * (_sum(places, n_wrong, fp_cost, fn_cost) + fn_cost * n_windows) / ((1 + fn_cost) * n_windows)
        for name, (fp_cost, fn_cost) in PROFILES.items()
    }


def _parts(times_s: NDArray[np.float64], true: Marks, said: Marks, window_s: float) -> tuple[list[float | None], int]:
    """Return for each window the place of its first detection, 0 to 1 or None; and the number in none."""
    ends = times_s[true]
    begins = np.maximum(ends - window_s, np.concatenate(([-np.inf], ends[:-1])))
    at = times_s[said]
    inside = (at[:, None] >= begins) & (at[:, None] <= ends)
    places: list[float | None] = []
    for i, (begin, end) in enumerate(zip(begins, ends, strict=True)):
        hits = at[inside[:, i]]
        places.append(float((hits[0] - begin) / (end - begin)) if len(hits) else None)
    return places, int((~inside.any(axis=1)).sum())


def _sum(places: Sequence[float | None], n_wrong: int, fp_cost: float, fn_cost: float) -> float:
    total = -fp_cost * n_wrong
    for place in places:
        total += -fn_cost if place is None else _worth(place, fp_cost)
    return total


def _worth(place: float, fp_cost: float) -> float:
    """Return the gain of a detection at `place` of its window: 1 at its begin, -`fp_cost` at its end."""
    step = min(int(place * _STEPS), _STEPS - 1)
    x = -np.pi / 2 + np.pi * step / (_STEPS - 1)
    half = (1.0 + fp_cost) / 2
    return float(-half * np.tanh(x) / np.tanh(np.pi / 2) + half - fp_cost)
