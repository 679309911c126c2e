"""I/O: when Python looks for reference cycles: not while a city is loaded, and never again in what was loaded.

Comes in: moments in the life of the program. Goes out: nothing but time. Refuses to know what is loaded.

A register of a city is a million objects that live as long as the program. Every full look for cycles visits them all
and holds every thread up meanwhile, the intake too; loading them without such looks takes two thirds of the time.
"""

import contextlib
import gc
import sys
from collections.abc import Iterator


@contextlib.contextmanager
def pause_gc() -> Iterator[None]:
    """Look for no cycles until the block ends; what is made in it is mostly there to stay."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def freeze_loaded() -> None:
    """Let no later look visit what is there now; what was set aside before and is of no use any more goes first."""
    _forget_routes()
    gc.unfreeze()
    gc.collect()
    gc.freeze()


def _forget_routes() -> None:
    """Empty the caches of the web framework, which hold the pages of ended programs, and their districts."""
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] == "fastapi":
            for value in list(vars(module).values()):
                if callable(getattr(value, "cache_clear", None)):
                    value.cache_clear()
