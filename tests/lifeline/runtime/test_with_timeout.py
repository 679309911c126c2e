import threading

import pytest

from lifeline.runtime.with_timeout import CallWithTimeout


def test_asking_gives_the_answer():
    """A function that returns in time gives its result."""
    assert 7 == CallWithTimeout(lambda: 7).call(5)


def test_asking_what_hangs_gives_nothing_and_asks_no_second_time():
    """However often one looks, one thread waits for the answer, and the answer counts when it comes."""
    asked, go_on = [], threading.Event()

    def hang():
        """Answer when the test says."""
        asked.append(1)
        go_on.wait(10)
        return len(asked)

    asking = CallWithTimeout(hang)
    first = [asking.call(0.01), asking.call(0.01)]
    go_on.set()
    assert ([None, None], 1, 1) == (first, asking.call(10), len(asked))


def test_asking_again_after_an_answer_asks_anew():
    """An answer is of now, never of before."""
    answers = iter([1, 2])
    asking = CallWithTimeout(lambda: next(answers))
    assert (1, 2) == (asking.call(5), asking.call(5))


def test_asking_what_fails_raises_where_it_was_asked():
    """A failure is not taken for silence."""

    def fail():
        """Have no answer."""
        raise ValueError("no disk")

    with pytest.raises(ValueError, match="no disk"):
        CallWithTimeout(fail).call(5)
