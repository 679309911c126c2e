"""When lines reach their limits: against a slow twin, and how often the intervals hold the truth."""

import math

import numpy as np
import pytest

from rules.statistics.line_forecast import crossings
from tests.rules.kinds.case_time_to_limit import crossing


def ramps(correlation, n_points=24, n_series=3000, rise=5.0, seed=7):
    """Return (series, limits): lines in noise of unit variance that are at their limits ten steps after the end."""
    dice = np.random.default_rng(seed)
    steps = dice.normal(size=(n_series, n_points + 50)) * math.sqrt(1 - correlation**2)
    for i in range(1, steps.shape[1]):
        steps[:, i] += correlation * steps[:, i - 1]
    slope = rise / n_points
    return steps[:, 50:] + slope * np.arange(n_points), np.full(n_series, slope * (n_points - 1 + 10))


@pytest.mark.parametrize("seed", range(4))
def test_crossings_of_random_series_agree_with_their_slow_twin(seed):
    """Holes included; slopes and their errors are those of scipy, the interval solves Fieller's quadratic."""
    series, limits = ramps(0.4, n_series=50, seed=seed)
    series[np.random.default_rng(seed).random(series.shape) < 0.15] = np.nan
    series[::3] *= -1
    found = crossings(series, limits, np.full(50, 0.9))
    actual = np.stack((found.level, found.eta, found.soonest, found.latest, found.worth), axis=1)
    expected = np.array([crossing(row, limit, 0.9) for row, limit in zip(series, limits, strict=True)])

    np.testing.assert_allclose(actual, expected, rtol=1e-7, atol=1e-9)


def test_crossings_of_a_straight_line_are_exact():
    """Without noise the interval is a point."""
    found = crossings(np.arange(24.0)[np.newaxis, :], np.array([33.0]), np.array([0.95]))

    assert pytest.approx([10.0, 10.0, 10.0]) == [found.soonest[0], found.eta[0], found.latest[0]]


@pytest.mark.parametrize("limit", [-1.0, 11.5])
def test_crossings_of_a_line_that_leads_away_are_never(limit):
    """Behind it, or already passed."""
    found = crossings(np.arange(24.0)[np.newaxis, :], np.array([limit]), np.array([0.95]))

    assert (np.inf, -np.inf, np.inf) == (found.eta[0], found.soonest[0], found.latest[0])


def test_crossings_of_a_constant_are_never():
    """No slope divides nothing by zero."""
    found = crossings(np.full((1, 24), 5.0), np.array([9.0]), np.array([0.95]))

    assert (np.inf, np.inf) == (found.eta[0], found.latest[0])


def test_crossings_of_noise_alone_have_no_late_end():
    """A slope that might be none crosses nothing for sure."""
    found = crossings(*ramps(0.0, rise=0.0), np.full(3000, 0.95))

    assert float(np.mean(np.isfinite(found.latest))) < 0.06


@pytest.mark.parametrize(("correlation", "at_least"), [(0.0, 0.94), (0.3, 0.93), (0.6, 0.91), (0.8, 0.89)])
def test_crossings_of_autocorrelated_lines_hold_the_truth_about_as_often_as_they_say(correlation, at_least):
    """Intervals of 95 %."""
    found = crossings(*ramps(correlation), np.full(3000, 0.95))

    assert float(np.mean((found.soonest <= 10) & (found.latest >= 10))) > at_least
