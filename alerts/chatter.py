"""Chattering and fleeting alarms: alarms that change too often, or end before a person can act.

Input: the times at which one alarm was raised and cleared.
Output: its `TransitionCounts`.
Not responsible for: recipients and the clock; times are event times, so a back-log counts as the live stream does.
Rejects: nothing.
"""

from dataclasses import dataclass, replace

from config.time_units import SECOND_NS

CHATTER_NS = 60 * SECOND_NS
"""An alarm with three transitions within this time chatters. It is calm after this time without a transition.
Source: ISA-18.2, chattering alarms; three transitions are assumed."""
FLEETING_NS = 10 * SECOND_NS
"""An alarm that ends within this time of its start is fleeting; assumed: too short for a person to act."""


@dataclass(frozen=True, slots=True)
class TransitionCounts:
    """The number of transitions of one alarm, and the times of its newest two."""

    alarm: str
    """Alarm id."""
    latest_ns: int = 0
    """Event time of the newest transition; 0 before the first."""
    before_ns: int = 0
    """Event time of the transition before."""
    is_chattering: bool = False
    transitions: int = 0
    """How often it was raised or cleared."""
    chattering: int = 0
    """How often it began to chatter."""
    fleeting: int = 0
    """How often it ended within `FLEETING_NS` of its start."""


def add_transition(counts: TransitionCounts, time_ns: int, episode_ns: int, *, is_end: bool) -> TransitionCounts:
    """Return `counts` with one more transition, at `time_ns`, of the episode that began at `episode_ns`."""
    is_second = bool(counts.latest_ns) and _is_near(counts.latest_ns, time_ns)
    is_third = bool(counts.before_ns) and _is_near(counts.before_ns, time_ns)
    is_chattering = is_third or (counts.is_chattering and is_second)
    return replace(
        counts,
        latest_ns=time_ns,
        before_ns=counts.latest_ns,
        is_chattering=is_chattering,
        transitions=counts.transitions + 1,
        chattering=counts.chattering + (is_chattering and not counts.is_chattering),
        fleeting=counts.fleeting + (is_end and 0 <= time_ns - episode_ns <= FLEETING_NS),
    )


def _is_near(earlier_ns: int, later_ns: int) -> bool:
    return 0 <= later_ns - earlier_ns <= CHATTER_NS
