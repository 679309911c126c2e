"""`DeadLetter`: an unusable message or point, kept with its reason so that it can be found again.

Input: raw bytes and a reason.
Output: a frozen value for the journal.
Not responsible for: the decision on the message.
Rejects: nothing.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

_CUT = re.compile(r"\(first \d+ of \d+ bytes, sha256 [0-9a-f]{64}\)$")


class DeadLetterReason(StrEnum):
    """The bounded set of reasons; each is a metric label and a heading in docs/dead-letters.md."""

    TOPIC = "topic"
    """The topic matches no template, or is not valid."""
    SYNTAX = "syntax"
    """The payload cannot be parsed."""
    SCHEMA = "schema"
    """It parses, but a field is missing or of the wrong type."""
    TOO_LARGE = "too_large"
    """More bytes or readings than allowed."""
    NOT_FINITE = "not_finite"
    """NaN or infinite."""
    TIME_UNREPRESENTABLE = "time_unrepresentable"
    """The time does not fit UTC int64 nanoseconds (1677 to 2262)."""
    UNKNOWN_SENSOR = "unknown_sensor"
    """The register has no such device and channel."""
    IDENTITY = "identity"
    """The topic names another asset or domain than the register gives this device."""
    RETAINED = "retained"
    """A retained message is an old value and is never read as live."""
    SESSION = "session"
    """It does not fit the messages before: data ahead of the birth that explains them, a death that is superseded."""
    HISTORY_REJECTED = "history_rejected"
    """The time-series database refused this one point."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One refused message or point."""

    received_ns: int
    topic: str
    payload: bytes
    """As received; the journal keeps the first 4 KiB and the full length."""
    reason: DeadLetterReason
    detail: str
    """Where, expected, got: for the person who looks it up."""


def is_cut(letter: DeadLetter) -> bool:
    """Return whether a letter from the journal has only the beginning of its payload."""
    return _CUT.search(letter.detail) is not None
