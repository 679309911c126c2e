"""I/O: the journal through the same engine again: alarm events as the ledger must have them, byte for byte.

Input: a journal file, also one that is being written.
Output: canonical lines, or the first difference to a ledger.
Not responsible for: writing.
Rejects: the comparison of one configuration with the events of another one.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest

from alerts.alert import Snapshot
from alerts.ledger.ledger import Ledger
from collector.journal import Position
from collector.journal.reader import JournalReader
from config.register import Register
from lifeline.start_error import StartError
from rules.engine import RuleEngine
from rules.rule import RuleSet

_ROUND = 256
EMPTY_SNAPSHOT = Snapshot(0, b"")
"""Where a ledger begins: no entry, no state."""


@dataclass(frozen=True, slots=True)
class EventDifference:
    """Where replay and ledger part."""

    number: int
    """1-based number of the event, counted from the beginning of the comparison."""
    replayed: str
    """Canonical line, empty when the replay has no such event."""
    stored: str
    """Canonical line, empty when the ledger has no such event."""


@dataclass(frozen=True, slots=True)
class LedgerComparison:
    """How replay and ledger compare."""

    events: int
    """Events that are equal."""
    after: Position
    """Entries behind this position were compared."""
    until: Position
    """Position of the ledger: entries behind it were not compared."""
    difference: EventDifference | None


def replay_events(
    journal: JournalReader,
    register: Register,
    ruleset: RuleSet,
    until: Position | None = None,
    start: Snapshot = EMPTY_SNAPSHOT,
) -> Iterator[str]:
    """Yield the alarm events of `journal` behind `start` up to `until` (None: its end), as canonical JSON lines."""
    engine = RuleEngine(ruleset, register)
    if start.blob:
        engine.restore(start.blob)
    last = journal.last_position() if until is None else until
    position = start.position
    while entries := [entry for entry in journal.read(position, _ROUND) if entry.position <= last]:
        for entry in entries:
            yield from engine.evaluate(entry.batch, entry.position).lines(engine.alarms)
        position = entries[-1].position


def find_replay_start(journal: JournalReader, ledger: Ledger, version: str) -> Snapshot:
    """Return the state from which a replay with the configuration `version` must give the events of the ledger.

    It is the oldest state of that configuration with every later entry in the journal.

    Raises:
        StartError: the ledger was last judged by another configuration, or the journal does not reach back far enough.
    """
    history = ledger.configurations.read()
    newest = history[-1] if history else None
    if newest is not None and newest.version != version:
        message = (
            f"ledger: behind position {newest.position} the configuration {newest.version} has judged, "
            f"expected that one, got {version}; compare with the district's files and the program of then"
        )
        raise StartError(message)
    begin, first = (newest.position if newest else 0), journal.first_position()
    found = [EMPTY_SNAPSHOT] if begin == 0 else []
    for each in [*found, *ledger.replay_snapshots.read(begin)]:
        if first <= each.position + 1:
            return each
    message = f"journal: expected every entry behind a kept state, got the first at position {first}; keep it longer"
    raise StartError(f"{message}: journal.retention_h")


def compare_with_ledger(
    journal: JournalReader, ledger: Ledger, register: Register, ruleset: RuleSet, start: Snapshot = EMPTY_SNAPSHOT
) -> LedgerComparison:
    """Return whether the events of the ledger behind `start` equal a replay of the journal from there."""
    until = ledger.position()
    stored = (event.line for event in ledger.alarm_events.read(after=start.position))
    equal = 0
    for replayed, kept in zip_longest(replay_events(journal, register, ruleset, until, start), stored, fillvalue=""):
        if replayed != kept:
            return LedgerComparison(equal, start.position, until, EventDifference(equal + 1, replayed, kept))
        equal += 1
    return LedgerComparison(equal, start.position, until, None)
