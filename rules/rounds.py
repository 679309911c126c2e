"""Rounds: many inputs of the same binding become a few vectorised passes that keep their order.

Comes in: which binding each input belongs to. Goes out: index arrays, the first holding the first input of every
binding, the second the second. Refuses to know what an input is.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from rules.arrivals import starts_of


def rounds(binding: NDArray[np.intp], place: NDArray[np.intp]) -> Iterator[NDArray[np.intp]]:
    """Yield intp arrays of rows such that within one no binding occurs twice and over all each keeps its order.

    Args:
        binding: intp[n], whose input each row is.
        place: intp[n], the order of the inputs of one binding.
    """
    order = np.lexsort((place, binding))
    first = np.flatnonzero(starts_of(binding[order]))
    rank = np.arange(len(order)) - np.repeat(first, np.diff(np.append(first, len(order))))
    by_rank = order[np.argsort(rank, kind="stable")]
    end = np.cumsum(np.bincount(rank))
    for start, stop in zip(np.concatenate(([0], end[:-1])), end, strict=True):
        yield by_rank[start:stop]
