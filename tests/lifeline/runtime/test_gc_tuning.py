"""No search for cycles runs while a city is loaded, and none visits the loaded objects later."""

import gc
import weakref
from collections.abc import Iterator

import pytest

from lifeline.runtime.gc_tuning import freeze_loaded, pause_gc


class _Knot:
    """Refers to itself: only a look for cycles frees it."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """Leave the collector as it was."""
    yield
    gc.unfreeze()
    gc.enable()


def test_loading_looks_for_no_cycles_until_its_end():
    """The collector is off within the block and on behind it, also after an error."""
    inside = []

    def load() -> None:
        with pause_gc():
            inside.append(gc.isenabled())
            raise ValueError("wrong")

    with pytest.raises(ValueError, match="wrong"):
        load()

    assert [False, True] == [*inside, gc.isenabled()]


def test_loading_where_the_collector_is_off_leaves_it_off():
    """The block restores the setting before it."""
    gc.disable()
    with pause_gc():
        pass

    assert not gc.isenabled()


def test_set_aside_frees_what_was_set_aside_before():
    """A register that a reload replaced does not stay for ever."""
    knot = _Knot()
    seen = weakref.ref(knot)
    freeze_loaded()
    del knot
    freeze_loaded()

    assert seen() is None


def test_set_aside_keeps_what_is_there_out_of_later_looks():
    """A full look visits none of the objects of the register."""
    register = [[number] for number in range(10_000)]
    freeze_loaded()
    visited = {id(each) for each in gc.get_objects()}

    assert not visited & set(map(id, register))
