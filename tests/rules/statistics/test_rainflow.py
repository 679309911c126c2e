"""Cycles as the standard and an independent program count them."""

import random

import fatpack
import numpy as np
import pytest
import rainflow
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from rules.statistics.rainflow import DEPTH, Rainflow

EXAMPLE = [-2, 1, -3, 5, -1, 3, -4, 4, -2]
"""ASTM E1049-85, figure 6: turning points A to I."""
CYCLES = {3: 0.5, 4: 1.5, 6: 0.5, 8: 1.0, 9: 0.5}
"""Its table: range to cycles."""


def counted(values, slope=1.0, least=0.0):
    """Return the damage of a series with a turning point as its last value."""
    cycles = Rainflow(np.array([least]), np.ones(1), np.array([slope]))
    only = np.zeros(1, np.intp)
    for value in [*values, values[-2] * 2 - values[-1] if len(values) > 1 else 0]:
        damage = cycles.add(only, np.array([float(value)]))
    return float(damage[0])


def expected(values, slope):
    """Return the damage of the cycles that an independent program counts."""
    return sum(count * size**slope for size, _, count, _, _ in rainflow.extract_cycles(values))


@pytest.mark.parametrize("slope", [1.0, 2.0, 3.0, 5.0])
def test_rainflow_of_the_worked_example_counts_its_table(slope):
    """With several exponents no two tables of so few cycles give the same sums."""
    assert sum(count * size**slope for size, count in CYCLES.items()) == counted(EXAMPLE, slope)


def test_rainflow_of_the_worked_example_tells_each_range_alone():
    """With a large exponent in turn for each range as reference, the largest one shows as its own count."""
    cycles = Rainflow(np.zeros(1), np.full(1, 9.0), np.full(1, 400.0))
    for value in [*EXAMPLE, 0]:
        damage = cycles.add(np.zeros(1, np.intp), np.array([float(value)]))

    assert CYCLES[9] == pytest.approx(damage[0], abs=1e-12)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(-6, 6), min_size=3, max_size=60), st.sampled_from([1.0, 3.0, 5.0]))
def test_rainflow_of_any_series_counts_what_an_independent_program_counts(values, slope):
    """Ties, plateaus and all."""
    turns = [value for i, value in enumerate(values) if i == 0 or value != values[i - 1]]
    assume(len(turns) > 2)

    assert expected(turns, slope) == pytest.approx(counted(turns, slope), rel=1e-12)


@pytest.mark.parametrize("seed", range(10))
def test_rainflow_of_closed_loops_counts_what_a_second_program_counts(seed):
    """A series that begins and ends at its highest point leaves no half cycles, about which programs differ."""
    dice = random.Random(seed)  # noqa: S311 - the same series every time
    values = [10.0, *(dice.uniform(-9, 9) for _ in range(300)), 10.0]
    ranges = fatpack.find_rainflow_ranges(np.array(values), k=2**20)

    assert float((ranges**3).sum()) == pytest.approx(counted(values, 3.0), rel=1e-4)


def test_rainflow_with_a_least_range_does_not_count_noise():
    """One large swing with ripples is one large swing."""
    noisy = [0, 5, 4.8, 5.1, 4.9, 9, 8.8, 9.1, 3, 3.2, -1]

    assert counted([0, 9.1, -1], 3.0) == pytest.approx(counted(noisy, 3.0, least=0.5))


def test_rainflow_of_a_stack_that_is_full_counts_the_oldest_range_as_half_a_cycle():
    """Ranges that shrink without end never close; in the end they are half cycles anyway."""
    values = [(-1) ** i * (1000.0 - i) for i in range(3 * DEPTH)]

    assert expected(values, 3.0) == pytest.approx(counted(values, 3.0), rel=1e-12)


def test_rainflow_of_many_bindings_is_that_of_each_alone():
    """Whoever else turns."""
    dice = np.random.default_rng(3)
    values = dice.normal(size=(200, 20)).cumsum(axis=0)
    together = Rainflow(np.full(20, 0.1), np.ones(20), np.full(20, 3.0))
    alone = [Rainflow(np.full(1, 0.1), np.ones(1), np.full(1, 3.0)) for _ in range(20)]
    for row in values:
        damage = together.add(np.arange(20), row)
        apart = [each.add(np.zeros(1, np.intp), row[i : i + 1])[0] for i, each in enumerate(alone)]

    assert apart == damage.tolist()
