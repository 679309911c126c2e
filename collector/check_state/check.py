"""`BatchCheck` and `SensorCheck`: the two kinds of lines of the table `CHECKS`.

Input: nothing.
Output: the contract between the quality checks and the program that runs them.
Not responsible for: any single check, and the order of the checks.
Rejects: nothing.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from collector.batch import Quality, ReadingBatch
from collector.check_state.limits import CheckLimits
from collector.check_state.memory import Bools, SensorMemory, SensorStep
from collector.devices.clocks import DeviceClocks
from config.quantities import Quantity
from config.register import Register
from config.settings import IntakeSettings


@dataclass(frozen=True, slots=True)
class CheckSetup:
    """The things that a check may need to know once."""

    register: Register
    quantities: Mapping[str, Quantity]
    limits: CheckLimits
    intake: IntakeSettings
    clocks: DeviceClocks
    memory: SensorMemory
    is_compared: Bools
    """bool[n_sensors], whether a sensor's readings are compared with each other."""
    counts: Counter[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class BatchCheck:
    """A check without state of the sensors. It takes a batch and returns it with more bits, or with other times."""

    bits: Quality
    """The bits that it may set."""
    source: str
    prepare: Callable[[CheckSetup], Callable[[ReadingBatch], ReadingBatch] | None]
    """None stands for a register in which the check has nothing to do."""


@dataclass(frozen=True, slots=True)
class SensorCheck:
    """A check of each reading against the state of its sensor; it gives the readings that get its bit."""

    bit: Quality
    source: str
    prepare: Callable[[CheckSetup], Callable[[SensorStep], Bools] | None]
    """As that of a batch check."""
    columns: tuple[str, ...] = ()
    """Fields of `SensorStates` that it writes."""
    is_of_now: bool = False
    """Whether late and historical readings never get the bit."""
