"""Sequence numbers: gaps, repeats and new beginnings."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.devices.sequence_numbers import MAX_HOLES, NO_BOOT, Sequences

COUNTED = ("missing", "filled", "repeated", "restarts")


def _heard(numbers, boots=None, *, commit=1):
    """Return (missing, filled, repeated, restarts) of one device that sent `numbers`, `commit` messages at a time."""
    sequences = Sequences(2)
    boots = boots or [NO_BOOT] * len(numbers)
    for start in range(0, len(numbers), commit):
        part = slice(start, start + commit)
        device = np.ones(len(numbers[part]), np.intp)
        sequences.take(device, np.array(numbers[part], np.int64), np.array(boots[part], np.int64))
    return tuple(int(getattr(sequences.counted, name)[1]) for name in COUNTED)


@pytest.mark.parametrize(
    ("numbers", "counted"),
    [
        ([], (0, 0, 0, 0)),
        ([7], (0, 0, 0, 0)),
        ([7, 8, 9, 10], (0, 0, 0, 0)),
        ([0, 1, 2], (0, 0, 0, 0)),
        ([7, 9], (1, 0, 0, 0)),
        ([7, 17], (9, 0, 0, 0)),
        ([7, 7, 8], (0, 0, 1, 0)),
        ([7, 9, 8, 10], (1, 1, 0, 0)),
        ([7, 10, 9, 8, 11], (2, 2, 0, 0)),
        ([7, 9, 8, 8, 10], (1, 1, 1, 0)),
        ([1, 2, 5000, *range(3, 5000), 5001], (4997, 4997, 0, 0)),
        ([5000, 5001, 0, 1, 2], (0, 0, 0, 1)),
        ([5000, 5001, 0, 2], (1, 0, 0, 1)),
        ([5000, 4990], (0, 0, 1, 0)),
        ([65_534, 65_535, 0, 1], (0, 0, 0, 0)),
        ([65_534, 1], (2, 0, 0, 0)),
        ([65_534, 0, 65_535, 1], (1, 1, 0, 0)),
        ([65_535, 0, 65_535, 1], (0, 0, 1, 0)),
        ([2**32 - 1, 0, 1], (0, 0, 0, 0)),
        ([2**32 - 2, 1], (2, 0, 0, 0)),
        ([65_535, 65_536, 65_537], (0, 0, 0, 0)),
        ([1, 2, 2_000_000_000], (0, 0, 0, 1)),
    ],
)
@pytest.mark.parametrize("commit", [1, 2, 1000])
def test_sequences_numbers_of_one_device_are_counted(numbers, counted, commit):
    """Missing, filled in, repeated and begun anew, however the messages are cut into commits."""
    assert counted == _heard(numbers, commit=commit)


@pytest.mark.parametrize(
    ("messages", "counted"),
    [
        ([(1, 100), (1, 101), (2, 1), (2, 2)], (0, 0, 0, 1)),
        ([(1, 100), (2, 1), (2, 3)], (1, 0, 0, 1)),
        ([(1, 100), (2, 1), (1, 101), (2, 2)], (0, 0, 1, 1)),
        ([(1, 100), (1, 102), (2, 1), (1, 101)], (1, 0, 1, 1)),
        ([(1, 5000), (1, 5001), (1, 0), (1, 5002)], (0, 0, 1, 0)),
    ],
)
def test_sequences_boot_says_where_numbers_begin(messages, counted):
    """A new boot is a new beginning; one message of the boot before is neither a gap nor another restart."""
    assert counted == _heard([number for _, number in messages], [boot for boot, _ in messages])


def test_sequences_many_holes_keep_the_newest_only():
    """The memory of one device is bounded; a number from a forgotten range stays missing."""
    sequences = Sequences(1)
    numbers = [*range(0, 200, 2), 1, 197]
    for number in numbers:
        sequences.take(np.zeros(1, np.intp), np.array([number]), np.array([NO_BOOT]))

    assert MAX_HOLES - 1 == len(sequences.holes[0])
    assert (99, 1, 1) == tuple(int(getattr(sequences.counted, name)[0]) for name in COUNTED[:3])


def test_sequences_each_message_tells_what_it_shows_to_be_missing():
    """The answer stands in the order of the messages, not of the devices."""
    sequences = Sequences(3)
    zero = np.zeros(6, np.int64)
    sequences.take(np.array([2, 0, 1, 2, 1, 0]), np.array([1, 1, 1, 2, 2, 2]), zero)

    opened = sequences.take(np.array([2, 0, 1, 2, 1, 0]), np.array([5, 3, 3, 6, 9, 4]), zero)

    assert [2, 0, 0, 0, 5, 0] == opened.tolist()


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 40), st.integers(0, 2)), max_size=60), st.integers(1, 60))
def test_sequences_any_cut_into_commits_counts_the_same(messages, commit):
    """Splitting a batch changes nothing."""
    whole, cut = Sequences(3), Sequences(3)
    for sequences, size in ((whole, 1), (cut, commit)):
        for start in range(0, len(messages), size):
            device, number, boot = zip(*messages[start : start + size], strict=True)
            sequences.take(np.array(device), np.array(number), np.array(boot))

    assert whole.counts == cut.counts
    assert whole.holes == cut.holes
    for name in COUNTED:
        assert getattr(whole.counted, name).tolist() == getattr(cut.counted, name).tolist()


@given(st.permutations(range(1, 12)), st.lists(st.integers(0, 11), max_size=10))
def test_sequences_shuffled_and_repeated_leave_nothing_missing(order, again):
    """Whatever comes in any order behind the first message, and again, is no gap in the end."""
    missing, filled, _, restarts = _heard([0, *order, *again])

    assert 0 == missing - filled
    assert 0 == restarts
