"""Ground truth: the real events, to score warnings by.

Input: scenarios.
Output: `Truth` values and their JSON lines.
Not responsible for: warnings.
Rejects: nothing.
"""

from collections.abc import Iterable, Sequence
from enum import StrEnum

import msgspec

from config.levels import WarningLevel


class TruthKind(StrEnum):
    """Whether the lifeline was in danger or only the device was broken."""

    HAZARD = "hazard"
    FAULT = "fault"


class Truth(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that really happened to one sensor."""

    scenario: str
    asset: str
    sensor: str
    kind: TruthKind
    level: str
    """Highest warning level that must be reached, by its key; empty for a fault, which must never reach one."""
    start_ns: int
    """When it begins, UTC nanoseconds."""
    end_ns: int
    """When it is over, UTC nanoseconds."""

    @property
    def expected_level(self) -> WarningLevel | None:
        """The level as a value, None for a fault."""
        return WarningLevel[self.level.upper()] if self.level else None


def write_lines(truths: Iterable[Truth]) -> bytes:
    """Return one JSON object a line, each line ended."""
    return b"".join(msgspec.json.encode(truth) + b"\n" for truth in truths)


def read_lines(lines: bytes) -> Sequence[Truth]:
    """Return the truths of JSON lines.

    Raises:
        msgspec.ValidationError: a line is not a `Truth`.
    """
    return [msgspec.json.decode(line, type=Truth) for line in lines.splitlines() if line]
