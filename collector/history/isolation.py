"""`store_all_but_rejected`: stores all lines but the rejected ones, so that a bad point costs one point, not its batch.

Input: lines, and a function that posts some of them.
Output: the rejected lines, each with the server's reason.
Not responsible for: the network, and the meaning of an answer (`influx_replies`).
Rejects: nothing.

Lines that the answer names are taken out at once. Else a binary search finds one, and the rest is sent again. One bad
line takes at most `log2(n) + 4` requests, 17 for 5,000.
"""

from collections.abc import Callable, Sequence

from collector.history import HistoryUnavailableError
from collector.history.influx_replies import Kind, Reply
from collector.history.line_protocol import escape_measurement

Post = Callable[[Sequence[str]], Reply]
_MAX_BYTES = 5_000_000
"""Bytes of one request. Source: InfluxDB 2 and 3 refuse more than 50 MB, Cloud and 3 advise 5 to 10 MB."""


def store_all_but_rejected(lines: Sequence[str], post: Post) -> dict[int, str]:
    """Store `lines`; returns place to reason of those that the server will never take.

    Raises:
        HistoryUnavailableError: the server cannot take anything now.
    """
    refused: dict[int, str] = {}
    chunks = _split_by_bytes(lines)
    while chunks:
        chunk = chunks.pop()
        reply = _ask(lines, chunk, post)
        if reply.kind is Kind.TOO_LARGE and len(chunk) > 1:
            middle = len(chunk) // 2
            chunks += [chunk[middle:], chunk[:middle]]
        elif reply.kind is not Kind.STORED:
            found = _blamed(lines, chunk, reply, post)
            refused |= found
            rest = [i for i in chunk if i not in found]
            chunks += [rest] if rest else []
    return refused


def _split_by_bytes(lines: Sequence[str]) -> list[list[int]]:
    """Return the places of `lines` in chunks that one request may carry, the last chunk first."""
    chunks: list[list[int]] = [[]] if lines else []
    size = 0
    for i, line in enumerate(lines):
        length = len(line.encode()) + 1
        if chunks[-1] and size + length > _MAX_BYTES:
            chunks.append([])
            size = 0
        chunks[-1].append(i)
        size += length
    return chunks[::-1]


def _ask(lines: Sequence[str], places: Sequence[int], post: Post) -> Reply:
    reply = post([lines[i] for i in places])
    if reply.kind is Kind.UNAVAILABLE:
        raise HistoryUnavailableError(reply.reason, reply.retry_after_s)
    return reply


def _blamed(lines: Sequence[str], places: Sequence[int], reply: Reply, post: Post) -> dict[int, str]:
    """Return at least one refused line of `places`, to which the server answered `reply`; none if it changed its mind.

    The search halves the rest; a half that is stored is not looked at again.
    """
    while not (named := _named(places, reply)):
        group = _of_measurement(lines, places, reply.measurement) or places[: len(places) // 2]
        answer = _ask(lines, group, post)
        if answer.kind is Kind.STORED:
            inside = set(group)
            places = [i for i in places if i not in inside]
            if len(places) == 1:
                return _confirmed(lines, places, post)
        else:
            places, reply = group, answer
    return named


def _named(places: Sequence[int], reply: Reply) -> dict[int, str]:
    if reply.refused:
        return {places[i]: reason for i, reason in reply.refused.items()}
    if len(places) == 1 or reply.dropped == len(places):
        return dict.fromkeys(places, reply.reason)
    return {}


def _confirmed(lines: Sequence[str], places: Sequence[int], post: Post) -> dict[int, str]:
    """Return the one line that is left if the server refuses it alone, with its reason."""
    reply = _ask(lines, places, post)
    return {} if reply.kind is Kind.STORED else dict.fromkeys(places, reply.reason)


def _of_measurement(lines: Sequence[str], places: Sequence[int], measurement: str) -> list[int]:
    """Return the places of one measurement's lines, unless they are all or none: then halving must do."""
    if not measurement:
        return []
    start = escape_measurement(measurement) + ","
    group = [i for i in places if lines[i].startswith(start)]
    return group if len(group) < len(places) else []
