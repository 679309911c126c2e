"""Alarms that turn too often to mean anything: which ones chatter, which ones were gone before anybody could act.

Comes in: the times at which one alarm was raised and cleared. Goes out: its `Tally`. Refuses to know people, and the
clock: times are those of the events, so that a back-log gives the same tally as the live stream.
"""

from dataclasses import dataclass, replace

CHATTER_NS = 60 * 10**9
"""An alarm that turns three times within this chatters, and is calm when it has not turned for as long.
Source: ISA-18.2, chattering alarms; three turns are assumed."""
FLEETING_NS = 10 * 10**9
"""An alarm that ends this soon after it began is fleeting; assumed: nobody can act on it."""


@dataclass(frozen=True, slots=True)
class Tally:
    """How often one alarm has turned, and how its newest turns followed each other."""

    alarm: str
    """Alarm id."""
    latest_ns: int = 0
    """Event time of the newest turn; 0 before the first."""
    before_ns: int = 0
    """That of the one before."""
    is_chattering: bool = False
    turns: int = 0
    """Times that it was raised or cleared."""
    chattering: int = 0
    """Times that it began to chatter."""
    fleeting: int = 0
    """Times that it ended within `FLEETING_NS` of its beginning."""


def counted(tally: Tally, time_ns: int, episode_ns: int, *, is_end: bool) -> Tally:
    """Return `tally` with one more turn, at `time_ns`, of the episode that began at `episode_ns`."""
    follows = bool(tally.latest_ns) and _is_near(tally.latest_ns, time_ns)
    is_third = bool(tally.before_ns) and _is_near(tally.before_ns, time_ns)
    is_chattering = is_third or (tally.is_chattering and follows)
    return replace(
        tally,
        latest_ns=time_ns,
        before_ns=tally.latest_ns,
        is_chattering=is_chattering,
        turns=tally.turns + 1,
        chattering=tally.chattering + (is_chattering and not tally.is_chattering),
        fleeting=tally.fleeting + (is_end and 0 <= time_ns - episode_ns <= FLEETING_NS),
    )


def _is_near(earlier_ns: int, later_ns: int) -> bool:
    return 0 <= later_ns - earlier_ns <= CHATTER_NS
