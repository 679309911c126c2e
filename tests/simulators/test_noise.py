import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from simulators.noise import share, smooth, white

SECOND = 10**9


@given(st.integers(-(2**40), 2**40), st.integers(1, 600), st.integers(0, 600))
def test_white_split_anywhere_is_the_same_span(first, n, cut):
    """A span asked for in two pieces is the span asked for at once."""
    samples = np.arange(first, first + n)

    pieces = np.concatenate([white(1, "a", samples[:cut]), white(1, "a", samples[cut:])])

    assert np.array_equal(white(1, "a", samples), pieces)


def test_white_many_samples_are_standard_normal():
    """Mean 0 and deviation 1 within three standard errors of 20,000 numbers."""
    numbers = white(3, "any", np.arange(20_000))

    assert abs(numbers.mean()) < 0.022
    assert abs(numbers.std() - 1.0) < 0.016


def test_white_other_label_or_seed_is_independent():
    """Two sensors, and one sensor under two seeds, tremble independently."""
    samples = np.arange(10_000)
    mine = white(1, "a", samples)

    assert abs(np.corrcoef(mine, white(1, "b", samples))[0, 1]) < 0.03
    assert abs(np.corrcoef(mine, white(2, "a", samples))[0, 1]) < 0.03


def test_smooth_between_neighbours_moves_little():
    """A signal that wanders over ten minutes moves less than a hundredth in a second."""
    wander = smooth(1, "a", np.arange(3600) * SECOND, 600.0)

    assert np.abs(np.diff(wander)).max() < 0.02


def test_share_known_label_is_the_same_in_every_process():
    """The number of a label is pinned: it may not depend on Python's own hash."""
    assert round(share(7, "FT-0001/phase"), 6) == 0.704878
