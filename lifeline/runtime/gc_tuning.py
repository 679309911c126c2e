"""I/O: limits on Python's search for reference cycles: none while a city is loaded, none later in the loaded objects.

Input: the moments after loading.
Output: less time.
Not responsible for: the loaded objects.
Rejects: nothing.

The register of a city is a million objects that live as long as the program. Every full search for cycles visits them
all and holds up every thread, the intake too. Loading without such searches takes two thirds of the time.
"""

import contextlib
import gc
import sys
from collections.abc import Iterator


@contextlib.contextmanager
def pause_gc() -> Iterator[None]:
    """Search for no cycles until the block ends; most of its new objects stay."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def freeze_loaded() -> None:
    """Exclude the current objects from later searches; objects of an ended program are freed first."""
    _clear_caches()
    gc.unfreeze()
    gc.collect()
    gc.freeze()


def _clear_caches() -> None:
    """Empty the caches of the web framework, which hold the pages of ended programs, and their districts."""
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] == "fastapi":
            for value in list(vars(module).values()):
                if callable(getattr(value, "cache_clear", None)):
                    value.cache_clear()
