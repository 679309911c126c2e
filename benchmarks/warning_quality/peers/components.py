"""Principal components: how far a row is within them (T2), and how far from them (Q).

Comes in: the visible part of a recording. Goes out: levels of the site. Setting and limits are those of the T2+Q of the
SKAB leaderboard, written anew. Source: waico/SKAB, core/t2.py: 0.85 of the variance, p 0.999, scaled. The limit of Q is
that of Jackson and Mudholkar (1979).
"""

import numpy as np
from scipy.stats import f, norm

from benchmarks.warning_quality.peers.seam import Levels, Peer, Seen, Values, marked, scaled

_EXPLAINED, _P = 0.85, 0.999


def judge(seen: Seen) -> Levels:
    """Return where T2 or Q is beyond its limit, int8[n, 1]."""
    value = scaled(seen)
    learned = value[: seen.learned]
    moves = learned.std(axis=0) > 0
    value, learned = value[:, moves], learned[:, moves]
    variance, axes = np.linalg.eigh(np.atleast_2d(np.cov(learned.T)))
    variance, axes = variance[::-1], axes[:, ::-1]
    n_kept = int(np.searchsorted(np.cumsum(variance) / variance.sum(), _EXPLAINED)) + 1
    part = value @ axes
    t2 = (part[:, :n_kept] ** 2 / variance[:n_kept]).sum(axis=1)
    q = (part[:, n_kept:] ** 2).sum(axis=1)
    odd = (t2 > _t2_limit(n_kept, seen.learned)) | (q > _q_limit(variance[n_kept:]))
    return marked(odd[:, None], seen.learned)


def _t2_limit(m: int, n: int) -> float:
    return float(m * (n - 1) * (n + 1) / (n * (n - m)) * f.ppf(_P, m, n - m))


def _q_limit(variance: Values) -> float:
    theta = [float((np.maximum(variance, 0) ** i).sum()) for i in (1, 2, 3)]
    if theta[0] <= 0:
        return np.inf
    h = 1 - 2 * theta[0] * theta[2] / (3 * theta[1] ** 2)
    inner = norm.ppf(_P) * h * np.sqrt(2 * theta[1]) / theta[0] + 1 + theta[1] * h * (h - 1) / theta[0] ** 2
    return float(theta[0] * inner ** (1 / h))


def _unfit(seen: Seen) -> str:
    return "a single sensor has no components" if seen.value.shape[1] < 2 else ""


PEERS = (Peer("PCA T2 + Q", "", "0.85 of the variance, p 0.999, as on SKAB's leaderboard", judge, _unfit),)
