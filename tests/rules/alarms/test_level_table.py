"""The columns of `LevelStates` agree with the table of level states, for every state and every event."""

import itertools
from dataclasses import dataclass
from functools import cache

import numpy as np
import pytest

from config.levels import WarningLevel
from rules.alarms.level_state import LevelStates, LimitTable
from rules.alarms.level_table import DELAY_OVER, EVENT_TABLE, LevelEvent, LevelState, next_state
from rules.rule import LevelLimit, Side
from tests.rules.small_district import SECOND_NS

LIMIT, RESET, WITHIN = 10.0, 8.0, 0.0
STALE_S = 100
YELLOW = WarningLevel.YELLOW - 1


@dataclass(frozen=True)
class Input:
    """One reading or heartbeat of a sequence."""

    event: LevelEvent
    after_s: int
    """Seconds after the input before."""
    value: float = np.nan
    is_off_season: bool = False


INPUTS = (
    *[Input(LevelEvent.VALUE_BEYOND, after_s, LIMIT) for after_s in (5, 10, STALE_S + 1)],
    *[Input(LevelEvent.VALUE_IN_DEADBAND, after_s, RESET) for after_s in (5, 10, STALE_S + 1)],
    Input(LevelEvent.VALUE_IN_DEADBAND, 10, LIMIT, is_off_season=True),
    *[Input(LevelEvent.VALUE_WITHIN, after_s, WITHIN) for after_s in (5, 10, STALE_S + 1)],
    Input(LevelEvent.VALUE_UNKNOWN, 10),
    Input(LevelEvent.HEARTBEAT, 0, 1.0),
    Input(LevelEvent.HEARTBEAT, 5, 1.0),
)
LENGTH = 4
SEQUENCES = tuple(itertools.product(range(len(INPUTS)), repeat=LENGTH))


@dataclass(frozen=True)
class Level:
    """A level and its device."""

    on_s: int
    off_s: int
    n_samples: int
    is_live: bool
    has_heartbeat: bool
    side: Side = Side.HIGH


DELAYS = [(0, 0, 1), (10, 10, 1), (0, 10, 1), (10, 0, 1), (10, 10, 2), (0, 0, 2)]
DEVICES = [(False, False), (False, True), (True, True)]
LEVELS = [
    Level(*delay, *device, side=Side.LOW if i % 2 else Side.HIGH)
    for i, (delay, device) in enumerate(itertools.product(DELAYS, DEVICES))
]


@dataclass(frozen=True)
class Walk:
    """The state of one level by the table, and the times that the table does not have."""

    state: LevelState = LevelState.INACTIVE
    now_s: int = 1000
    start_s: int = 0
    n_values: int = 0
    """Values since the start of the delay, the one at its start included."""
    value_s: int = 0
    is_value_known: bool = True


Pair = tuple[LevelState, LevelEvent, bool]


def needs_heartbeat(level: Level, state: LevelState) -> bool:
    """Return whether a delay out of `state` needs a heartbeat."""
    return level.is_live if state < LevelState.ACTIVE else level.has_heartbeat


def step(level: Level, walk: Walk, given: Input) -> tuple[Walk, list[Pair]]:
    """Return the walk after one input, and the pairs of the table that it used."""
    now_s = walk.now_s + given.after_s
    if given.event is LevelEvent.HEARTBEAT:
        is_later = now_s > walk.start_s and level.has_heartbeat
        is_due = is_over(level, walk, walk.state, walk.value_s) and walk.value_s >= now_s and walk.is_value_known
        pairs = [(walk.state, given.event, is_due)]
        state = apply(level, walk.state, pairs) if is_later else walk.state
        return Walk(state, now_s, walk.start_s, walk.n_values, walk.value_s, walk.is_value_known), pairs * is_later
    is_pending = walk.state not in {LevelState.INACTIVE, LevelState.ACTIVE}
    is_gap = is_pending and (now_s - walk.value_s > STALE_S or not walk.is_value_known)
    starts = is_gap or not is_pending
    start_s, n_values = (now_s, 1) if starts else (walk.start_s, walk.n_values + 1)
    timed = Walk(walk.state, now_s, start_s, n_values, now_s)
    pairs = [(walk.state, LevelEvent.GAP, False)] if is_gap else []
    before = apply(level, walk.state, pairs)
    after = EVENT_TABLE[before][given.event]
    is_due = given.event is not LevelEvent.VALUE_UNKNOWN and is_over(level, timed, after, now_s)
    pairs.append((before, given.event, is_due))
    state = apply(level, before, pairs[-1:])
    return Walk(state, now_s, start_s, n_values, now_s, given.event is not LevelEvent.VALUE_UNKNOWN), pairs


def apply(level: Level, state: LevelState, pairs: list[Pair]) -> LevelState:
    """Return the state after `pairs`, by the table."""
    for _, event, is_due in pairs:
        # A delay towards an active level, or away from one.
        needs = needs_heartbeat(level, EVENT_TABLE[state][event])
        state = next_state(state, event, needs_heartbeat=needs, is_delay_over=is_due)
    return state


def is_over(level: Level, walk: Walk, state: LevelState, value_s: int) -> bool:
    """Return whether the delay of `state` is over at a value."""
    delay_s = level.on_s if state < LevelState.ACTIVE else level.off_s
    return value_s - walk.start_s >= delay_s and walk.n_values >= level.n_samples


@cache
def walks(level: Level, length: int = LENGTH) -> dict[tuple[int, ...], tuple[Walk, frozenset[Pair]]]:
    """Return the walk of every sequence of `length` inputs, and the pairs that its last input used."""
    if length == 0:
        return {(): (Walk(), frozenset())}
    found = {}
    for before, (walk, _) in walks(level, length - 1).items():
        for i, given in enumerate(INPUTS):
            after, pairs = step(level, walk, given)
            found[*before, i] = after, frozenset(pairs)
    return found


def columns_of(level: Level) -> LevelStates:
    """Return the columns of one binding for each sequence."""
    sign = -1 if level.side is Side.LOW else 1
    samples = {"on_samples": level.n_samples, "off_samples": level.n_samples}
    limit = LevelLimit(
        WarningLevel.YELLOW, level.side, sign * LIMIT, LIMIT - RESET, level.on_s, level.off_s, "assumed", **samples
    )
    n = len(SEQUENCES)
    return LevelStates(
        LimitTable([[limit]], [level.is_live]),
        np.zeros(n, np.intp),
        np.full(n, STALE_S * SECOND_NS),
        np.arange(n, dtype=np.int32),
        np.full(n, level.has_heartbeat),
    )


def inputs_of(level: Level, first: int, end: int) -> dict[str, np.ndarray]:
    """Return the inputs from `first` to before `end` of all sequences, as columns."""
    chosen = np.array(SEQUENCES)
    times = 1000 + np.cumsum(np.array([each.after_s for each in INPUTS])[chosen], axis=1)
    is_heartbeat = np.array([each.event is LevelEvent.HEARTBEAT for each in INPUTS])[chosen]
    # A device without a heartbeat sensor has no such input.
    is_there = ~is_heartbeat | level.has_heartbeat
    is_there[:, :first] = is_there[:, end:] = False
    binding, place = np.nonzero(is_there)
    given = chosen[binding, place]
    sign = -1 if level.side is Side.LOW else 1
    return {
        "place": place,
        "binding": binding,
        "time_ns": times[binding, place] * SECOND_NS,
        "value": sign * np.array([each.value for each in INPUTS])[given],
        "received_clock": np.zeros(len(given), np.bool_),
        "is_heartbeat": is_heartbeat[binding, place],
        "off_season": np.array([each.is_off_season for each in INPUTS])[given],
    }


@pytest.mark.parametrize("level", LEVELS, ids=str)
def test_level_states_of_every_sequence_of_inputs_are_those_of_the_table(level):
    """One input after the other, or all in one call: the columns hold the state that the table has."""
    one_by_one, together = columns_of(level), columns_of(level)
    for length in range(1, LENGTH + 1):
        one_by_one.apply(**inputs_of(level, length - 1, length))
        expected = walks(level, length)
        states = np.array([expected[sequence[:length]][0].state for sequence in SEQUENCES])

        assert np.array_equal(states, one_by_one.states()[:, YELLOW])
    together.apply(**inputs_of(level, 0, LENGTH))

    assert np.array_equal(states, together.states()[:, YELLOW])
    assert not np.delete(together.states(), YELLOW, axis=1).any()


def test_level_table_has_every_state_and_every_event():
    """No pair is left out."""
    assert set(LevelState) == set(EVENT_TABLE)
    assert [set(LevelEvent)] * len(LevelState) == [set(EVENT_TABLE[state]) for state in LevelState]


def test_level_states_of_the_sequences_use_every_pair_of_the_table():
    """No device can reach a pair that the sequences never reach: each such pair has its reason here."""
    used = {
        pair
        for level in LEVELS
        for n in range(1, LENGTH + 1)
        for _, pairs in walks(level, n).values()
        for pair in pairs
    }
    ends = {(state, event) for state in LevelState for event in LevelEvent if EVENT_TABLE[state][event] in DELAY_OVER}
    running = {(state, event, False) for state in LevelState for event in LevelEvent}

    # Between two delays there is nothing that a gap could break: the pair is the same as no event.
    assert {(LevelState.INACTIVE, LevelEvent.GAP, False), (LevelState.ACTIVE, LevelEvent.GAP, False)} == running - used
    # Of the pairs that can complete: a proven delay ends with a value, so a second heartbeat completes none.
    never = {(LevelState.ON_DELAY, LevelEvent.HEARTBEAT), (LevelState.OFF_DELAY, LevelEvent.HEARTBEAT)}
    unknown = {(state, LevelEvent.VALUE_UNKNOWN) for state in LevelState}
    assert set() == {(*pair, True) for pair in ends - never - unknown} - used
