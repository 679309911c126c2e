r"""`classify`: the meaning of an InfluxDB server's answer to a write; 1.x, 2.x and 3.x use the same codes differently.

Input: status, headers, body and the lines sent.
Output: `Reply`.
Not responsible for: the network.
Rejects: nothing; an answer that is not understood means that the server is unavailable.

The body tells the cases apart:

| body | 1.x | 2.x | 3.x |
|---|---|---|---|
| `partial write: ...` | 400, the good lines are stored | 422, same | - |
| `unable to parse '<line>': ...` | 400, every line was bad | 400, nothing is stored, these lines are to blame | - |
| `{"data": [{"line_number": ...}]}` | - | - | 400, the good lines are stored |

`dropped=N` counts the points that were rejected for type or age; after a parse error 1.x says `dropped=0` all the same.
An answer that blames no point (wrong database, token, an unknown text) never costs a reading. The server counts as
unavailable until a person repairs it. Source: answers of InfluxDB 1.6.7 as tried; API references of 2.x and 3 Core.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from enum import Enum, auto

_PARSE_ERROR = re.compile(r"unable to parse '(.*?)': ([^\n]*?)(?= dropped=\d|\n|$)", re.DOTALL)
_DROPPED = re.compile(r"dropped=(\d+)")
_MEASUREMENT = re.compile(r'on measurement "((?:[^"\\]|\\.)*)"')
_MISCONFIGURED = ("database not found", "retention policy not found", "bucket not found", "unauthorized", "forbidden")
_BLAMES_POINTS = ("partial write", "unable to parse", "field type conflict", "invalid column type", "points beyond")
_REMEDY = "check history.url, database, bucket, org, token"


@dataclass(frozen=True, slots=True)
class Answer:
    """A server's answer to one request; header names in lower case."""

    status: int
    headers: dict[str, str]
    body: str


class Kind(Enum):
    """The four things that can have become of a write."""

    STORED = auto()
    """Everything is durable."""
    REFUSED = auto()
    """At least one point will never be taken; the others may or may not be stored, so they are sent again."""
    TOO_LARGE = auto()
    """The same lines in smaller requests may pass."""
    UNAVAILABLE = auto()
    """Nothing is known to be stored; the identical request may pass later."""


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer, understood."""

    kind: Kind
    reason: str = ""
    """The words of the server."""
    retry_after_s: float | None = None
    refused: Mapping[int, str] = field(default_factory=dict)
    """Place of a line in the request to the server's reason, as far as the answer names lines."""
    dropped: int = 0
    """How many points the server says it refused; 0 proves nothing."""
    measurement: str = ""
    """The measurement that the answer blames, empty when it names none."""


def classify(status: int, headers: Mapping[str, str], body: str, lines: Sequence[str]) -> Reply:
    """Return the meaning of the answer to a write of `lines`; `headers` have lower-case names."""
    if 200 <= status < 300:
        return Reply(Kind.STORED)
    message, entries = _opened(body)
    reason = f"HTTP {status}: {message[:500]}"
    if status == 413:
        return Reply(Kind.TOO_LARGE, reason)
    if status not in {400, 422}:
        hint = "" if status in {429, 500, 502, 503, 504} else f"; {_REMEDY}"
        return Reply(Kind.UNAVAILABLE, reason + hint, retry_after_s(headers))
    if any(words in message for words in _MISCONFIGURED):
        return Reply(Kind.UNAVAILABLE, f"{reason}; {_REMEDY}")
    if not entries and not any(words in message for words in _BLAMES_POINTS):
        return Reply(Kind.UNAVAILABLE, f"{reason}; the answer blames no point, so none is given up")
    return _refusal(message, entries, lines)


def _refusal(message: str, entries: list[dict[str, object]], lines: Sequence[str]) -> Reply:
    dropped = _DROPPED.search(message)
    measurement = _MEASUREMENT.search(message)
    return Reply(
        Kind.REFUSED,
        message[:500],
        refused=_listed(entries, lines) or _quoted(message, lines),
        dropped=int(dropped[1]) if dropped else 0,
        measurement=re.sub(r"\\(.)", r"\1", measurement[1]) if measurement else "",
    )


def _opened(body: str) -> tuple[str, list[dict[str, object]]]:
    """Return the message of an answer, and the list of refused lines that 3.x gives."""
    try:
        opened = json.loads(body)
    except ValueError:
        return body.strip(), []
    if not isinstance(opened, dict):
        return body.strip(), []
    listed = opened.get("data")
    entries = listed if isinstance(listed, list) else [listed]
    message = opened.get("message") or opened.get("error") or body
    return str(message), [entry for entry in entries if isinstance(entry, dict)]


def _listed(entries: Sequence[Mapping[str, object]], lines: Sequence[str]) -> dict[int, str]:
    """Return the lines that 3.x lists; its numbers count from 1, and its text must agree where it gives one."""
    refused = {}
    for entry in entries:
        number, text = entry.get("line_number"), str(entry.get("original_line") or "")
        if isinstance(number, int) and 0 < number <= len(lines) and lines[number - 1].startswith(text):
            refused[number - 1] = str(entry.get("error_message") or "refused")
    return refused


def _quoted(message: str, lines: Sequence[str]) -> dict[int, str]:
    """Return the lines that 1.x and 2.x quote in `message`."""
    quoted: dict[str, str] = dict(_PARSE_ERROR.findall(message))
    if not quoted:
        return {}
    return {i: f"unable to parse: {quoted[line]}" for i, line in enumerate(lines) if line in quoted}


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that `Retry-After` asks for: a number, or a date counted from the answer's own `Date`."""
    asked = headers.get("retry-after", "").strip()
    if asked.isdecimal():
        return float(asked)
    try:
        return max((parsedate_to_datetime(asked) - parsedate_to_datetime(headers["date"])).total_seconds(), 0.0)
    except (ValueError, KeyError, TypeError):
        return None
