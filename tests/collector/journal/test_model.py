"""Laws 1 and 2 at the journal: against a plain list, whatever is appended, trimmed, closed, killed or reopened."""

import shutil
import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from collector.batch import make_batch
from collector.dead_letter import DeadLetter, DeadLetterReason
from collector.journal import JournalFullError
from collector.journal.sqlite import SqliteJournal

REGISTERS = (("a", "b", "c"), ("c", "a"), ("x", "b", "a", "c"))
READINGS = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 9), st.floats(-1e9, 1e9)), max_size=40)
MAX_BYTES = 1 << 20


class JournalMachine(RuleBasedStateMachine):
    """The journal does what a list of batches, a dict of cursors and a list of letters do."""

    def __init__(self):
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.generation = 0
        self.sensor_ids = REGISTERS[0]
        self.entries = []  # (position, received_ns, [(sensor id, time, value)])
        self.last = 0
        self.cursors = {}
        self.letters = []
        self.journal = self._open()

    def _open(self):
        return SqliteJournal(self.folder / "journal.db", self.sensor_ids, MAX_BYTES, 0)

    @rule(readings=st.lists(READINGS, max_size=4), n_letters=st.integers(0, 2))
    def append(self, readings, n_letters):
        """Batches and dead letters of one commit are there together or not at all."""
        batches, expected = [], []
        for i, rows in enumerate(readings, self.last + 1):
            known = [(min(sensor, len(self.sensor_ids) - 1), time, value) for sensor, time, value in rows]
            columns = [[row[k] for row in known] for k in range(3)]
            batches.append(make_batch(i * 10, *columns, [0] * len(known)))
            expected.append((i, i * 10, [(self.sensor_ids[sensor], time, value) for sensor, time, value in known]))
        letters = [DeadLetter(self.last, "t", b"p", DeadLetterReason.SYNTAX, str(i)) for i in range(n_letters)]
        assert self.last + len(batches) == self.journal.append(batches, letters)
        self.last += len(batches)
        self.entries += expected
        self.letters += letters

    @rule()
    def append_too_much(self):
        """A batch beyond the cap changes nothing."""
        big = make_batch(1, [0] * 60_000, range(60_000), [0.0] * 60_000, [0] * 60_000)
        try:
            self.journal.append([big], [DeadLetter(1, "t", b"p", DeadLetterReason.SYNTAX, "never")])
        except JournalFullError:
            return
        raise AssertionError("60,000 readings fitted below the cap")

    @rule(back=st.integers(0, 8))
    def trim(self, back):
        """Everything at or before a position goes."""
        before = max(self.last - back, 0)
        kept = [entry for entry in self.entries if entry[0] > before]
        assert len(self.entries) - len(kept) == self.journal.trim(before)
        self.entries = kept

    @rule(name=st.sampled_from(["recorder", "rules"]), position=st.integers(0, 2**62))
    def save_cursor(self, name, position):
        """The last saved position stands."""
        self.journal.save_cursor(name, position)
        self.cursors[name] = position

    @rule(sensor_ids=st.sampled_from(REGISTERS))
    def reopen(self, sensor_ids):
        """A clean restart, perhaps with another register."""
        self.journal.close()
        self.sensor_ids = sensor_ids
        self.journal = self._open()

    @rule(sensor_ids=st.sampled_from(REGISTERS))
    def crash(self, sensor_ids):
        """What is on disk at any moment between commits is everything: open a copy of the live files."""
        self.generation += 1
        copy = self.folder.with_name(f"{self.folder.name}-{self.generation}")
        copy.mkdir()
        for name in ("journal.db", "journal.db-wal"):
            if (self.folder / name).exists():
                shutil.copy(self.folder / name, copy / name)
        self.journal.close()
        shutil.rmtree(self.folder)
        self.folder = copy
        self.sensor_ids = sensor_ids
        self.journal = self._open()

    @precondition(lambda self: self.entries)
    @rule(place=st.integers(0, 1000), limit=st.integers(1, 5))
    def read_a_piece(self, place, limit):
        """`read` from any entry gives the next ones."""
        start = place % len(self.entries)
        expected = [entry[0] for entry in self.entries[start + 1 :][:limit]]
        assert expected == [entry.position for entry in self.journal.read(self.entries[start][0], limit)]

    @invariant()
    def equals_the_list(self):
        """Positions, times, readings of sensors still registered, cursors and letters are those of the model."""
        found = [
            (
                entry.position,
                entry.batch.received_ns,
                [
                    (self.sensor_ids[sensor], time, value)
                    for sensor, time, value in zip(
                        entry.batch.sensor.tolist(),
                        entry.batch.time_ns.tolist(),
                        entry.batch.value.tolist(),
                        strict=True,
                    )
                ],
            )
            for entry in self.journal.read(0, 10_000)
        ]
        expected = [
            (position, received_ns, [row for row in rows if row[0] in self.sensor_ids])
            for position, received_ns, rows in self.entries
        ]
        assert expected == found
        assert self.last == self.journal.last_position()
        assert self.letters[::-1] == self.journal.dead_letters(10_000)
        assert all(position == self.journal.cursor(name) for name, position in self.cursors.items())

    def teardown(self):
        """Remove the files."""
        self.journal.close()
        shutil.rmtree(self.folder)


TestJournalModel = JournalMachine.TestCase
TestJournalModel.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)
TestJournalModel.__doc__ = "The journal equals its model over random histories of use and crashes."
