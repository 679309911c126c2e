"""I/O: the journal through the same engine again: alarm events as the ledger must have them, byte for byte.

Comes in: a journal file, also one that is being written. Goes out: canonical lines, or the first difference to a
ledger. Refuses to write anywhere.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest

from alerts.ledger import Ledger
from collector.journal import Position
from collector.journal.reading import JournalReader
from config.register import Register
from rules.engine import RuleEngine
from rules.rule import RuleSet

_ROUND = 256


@dataclass(frozen=True, slots=True)
class Difference:
    """Where replay and ledger part."""

    number: int
    """1-based number of the event."""
    replayed: str
    """Canonical line, empty when the replay has no such event."""
    stored: str
    """Canonical line, empty when the ledger has no such event."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """How replay and ledger compare."""

    events: int
    """Events that are equal."""
    until: Position
    """Position of the ledger: what lies behind was not compared."""
    difference: Difference | None


def replay_lines(
    journal: JournalReader, register: Register, ruleset: RuleSet, until: Position | None = None
) -> Iterator[str]:
    """Yield the alarm events of `journal` up to `until` (None: its end), as canonical JSON lines."""
    engine = RuleEngine(ruleset, register)
    last = journal.last_position() if until is None else until
    position = 0
    while entries := [entry for entry in journal.read(position, _ROUND) if entry.position <= last]:
        for entry in entries:
            yield from engine.evaluate(entry.batch, entry.position).lines(engine.alarms)
        position = entries[-1].position


def compare(journal: JournalReader, ledger: Ledger, register: Register, ruleset: RuleSet) -> Comparison:
    """Return whether the ledger holds exactly what a replay of the journal gives."""
    until = ledger.position()
    stored = (event.line for event in ledger.alarm_events())
    equal = 0
    for replayed, kept in zip_longest(replay_lines(journal, register, ruleset, until), stored, fillvalue=""):
        if replayed != kept:
            return Comparison(equal, until, Difference(equal + 1, replayed, kept))
        equal += 1
    return Comparison(equal, until, None)
