"""The scorers against published scores of others: two detectors, made as their authors made them.

Comes in: the folder of the data sets. Goes out: figures with the published ones beside them. Needs scikit-learn
(`pip install 'lifeline[bench]'`) for the first.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from benchmarks.figures import Figure
from benchmarks.warning_quality.nab_files import read_nab
from benchmarks.warning_quality.nab_score import Scored, best_threshold, corpus_of
from benchmarks.warning_quality.skab_files import LEARNED_ROWS, SkabRun, read_skab
from benchmarks.warning_quality.skab_score import PointScore, score_points

GAUSSIAN = {"standard": 39.65, "low_fp": 20.87, "low_fn": 47.41}
FOREST = {"f1": 0.29, "far_percent": 2.56, "mar_percent": 82.89}
_WINDOW, _STEP = 6400, 100
_DIGITS = 12
"""Its published scores were read back from files with so many digits; with more, the optimiser finds better ones."""


def reproduce(folder: Path) -> Iterator[Figure]:
    """Yield the results of the scorers for detectors with published scores."""
    if (folder / "nab").is_dir():
        scores = score_gaussian(folder / "nab")
        yield from (Figure(f"published.nab_gaussian.{k}", v, "", f"{GAUSSIAN[k]}") for k, v in scores.items())
    if (folder / "skab").is_dir():
        try:
            forest = score_forest(read_skab(folder / "skab" / "data"))
        except ImportError:
            print("# scikit-learn is not installed: pip install 'lifeline[bench]'", flush=True)
            return
        for name, wanted in FOREST.items():
            yield Figure(f"published.skab_forest.{name}", getattr(forest, name), "", f"{wanted}")


def score_gaussian(folder: Path) -> dict[str, float]:
    """Return the scores of the windowed Gaussian, each profile with its best threshold over all files."""
    series = read_nab(folder)
    corpus = corpus_of([Scored(np.round(windowed_gaussian(each.value), _DIGITS), each.windows) for each in series])
    return {profile: best_threshold(corpus, profile)[1] for profile in GAUSSIAN}


def windowed_gaussian(value: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return 1 less the tail of a normal distribution, beyond each value, float64[n].

    Mean and deviation are those of up to 6,400 values before it; a full window moves on by 100 at a time.
    """
    n = len(value)
    mean, deviation = np.zeros(n + 1), np.ones(n + 1)
    for i in range(n):
        if i < _WINDOW:
            window = value[: i + 1]
        elif (i - _WINDOW) % _STEP == _STEP - 1:
            window = value[i + 1 - _WINDOW : i + 1]
        else:
            mean[i + 1], deviation[i + 1] = mean[i], deviation[i]
            continue
        mean[i + 1], deviation[i + 1] = window.mean(), window.std() or 1e-6
    score = 1.0 - ndtr(-np.abs(value - mean[:n]) / deviation[:n])
    score[0] = 0.0
    return score


def score_forest(runs: Sequence[SkabRun]) -> PointScore:
    """Return the score of the isolation forest of the leaderboard."""
    said = [forest_marks(run.value) for run in runs]
    return score_points([run.anomaly[LEARNED_ROWS:] for run in runs], said)


def forest_marks(value: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return the marks of a forest, grown on the first rows, in the others: two odd rows of three adjacent."""
    from sklearn.ensemble import IsolationForest  # noqa: PLC0415 - an optional extra

    forest = IsolationForest(random_state=0, n_jobs=1, contamination=0.0005).fit(value[:LEARNED_ROWS])
    odd = forest.predict(value[LEARNED_ROWS:]) < 0
    marks = np.zeros(len(odd), np.bool_)
    marks[2:] = odd[2:].astype(int) + odd[1:-1] + odd[:-2] >= 2
    return marks
