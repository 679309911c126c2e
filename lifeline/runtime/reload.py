"""I/O: one program, and after each accepted change of its district the next program, in the same process.

Input: a configuration, a function that loads the next one, signals as events.
Output: an exit code.
Not responsible for: checking a district; `lifeline.configuration` does.
Rejects: a wrong district: then the running program goes on.

A reload is a restart: the old program commits its position with a snapshot. The new one goes on behind it with the
state of everything that still exists by id. The broker keeps the messages that come in between.
"""

import logging
import os
import threading
from collections import Counter
from collections.abc import Callable

import structlog

from config.errors import ConfigError
from lifeline.configuration import Configuration
from lifeline.runtime.app import App
from lifeline.runtime.gc_tuning import freeze_loaded, pause_gc
from lifeline.start_error import StartError

_LOOK_S = 0.2
"""How long a signal may go unnoticed, seconds; assumed."""

_log = structlog.get_logger()


def run_with_reload(
    configuration: Configuration,
    load: Callable[[], Configuration],
    stopping: threading.Event,
    reloading: threading.Event,
) -> int:
    """Run until `stopping`, or until the program fails; returns the exit code.

    Args:
        configuration: to begin with.
        load: loads the next configuration, or raises ConfigError.
        stopping: ends it.
        reloading: asks for a reload; cleared when it begins.

    Raises:
        ConfigError: the first program cannot be built.
        StartError: the same.
    """
    counts: Counter[tuple[str, str]] = Counter()
    with pause_gc():
        program = App(configuration, reloads=counts)
    freeze_loaded()
    program.start()
    try:
        while not stopping.is_set() and not program.wait(_LOOK_S):
            if reloading.is_set():
                reloading.clear()
                with pause_gc():
                    program = reload_program(program, load, counts)
                freeze_loaded()
    finally:
        program.stop()
    if program.left:
        # A thread that hangs in the kernel or holds a lock would keep an orderly exit waiting for ever.
        logging.shutdown()
        os._exit(1)
    return 1 if program.failure else 0


def reload_program(program: App, load: Callable[[], Configuration], counts: Counter[tuple[str, str]]) -> App:
    """Return the program that runs from now on: a new one, or `program` when there is nothing better.

    Raises:
        StartError: neither the new nor the old one starts any more.
    """
    try:
        configuration = load()
    except ConfigError as error:
        counts["reloads", "refused"] += 1
        _log.error("reload_refused", problems=[str(problem) for problem in error.problems[:20]])
        return program
    if configuration.version == program.configuration.version:
        counts["reloads", "unchanged"] += 1
        _log.info("reload_unchanged", version=configuration.version)
        return program
    old = program.configuration
    program.stop()
    if program.failure or program.left:
        return program
    try:
        after = App(configuration, reloads=counts)
    except (ConfigError, StartError) as error:
        counts["reloads", "refused"] += 1
        _log.error("reload_refused", problems=[str(error)])
        after = App(old, reloads=counts)
    else:
        counts["reloads", "applied"] += 1
        _log.info("reloaded", version=configuration.version, before=old.version)
    after.start()
    return after
