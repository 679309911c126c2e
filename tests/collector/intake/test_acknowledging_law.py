"""Law 1 over random messages and random crash points: what was acknowledged is in the journal."""

import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from collector.intake.group_commit import GroupCommit
from collector.journal.sqlite import SqliteJournal
from config.settings import IntakeSettings
from tests.collector.registers import NOW_NS, TOPIC, RawMessage, message, pipeline, register

MIB = 1 << 20
KINDS = st.sampled_from(["good", "good", "good", "bad", "canary"])


def raw(kind: str, number: int) -> RawMessage:
    """Return message `number` of a kind: a reading of that value, rubbish that names it, or our own canary."""
    if kind == "canary":
        return RawMessage("", b"", is_canary=True)
    return message({"heartbeat": number}) if kind == "good" else RawMessage(TOPIC, b"{%d" % number)


def stored(journal: SqliteJournal) -> set[int]:
    """Return the numbers of all messages that the journal keeps, as readings or as dead letters."""
    readings = {int(value) for entry in journal.read(0, 10_000) for value in entry.batch.value}
    return readings | {int(letter.payload[1:]) for letter in journal.dead_letters(10_000)}


class Life:
    """One run of the intake on the journal in a folder, which dies before a statement of SQL."""

    def __init__(self, folder: Path, grave: Path, dies_at: int) -> None:
        """Open the journal; what is on disk at the death is copied to `grave`."""
        self._folder, self._grave, self._left = folder, grave, dies_at
        self.journal = SqliteJournal(folder / "journal.db", register().sensor_ids, 64 * MIB, 0)
        self.journal._writer._connection.set_trace_callback(self._count)
        self._commits = GroupCommit(pipeline(), self.journal, IntakeSettings(), Counter())
        self.acknowledged: set[int] = set()
        self.acknowledged_at_death: set[int] = set()
        self.is_dead = False

    def take(self, group: list[tuple[int, str]]) -> None:
        """Receive (number, kind) of a group, commit, and acknowledge what may be."""
        self._commits.pending += [
            replace(raw(kind, number), packet_id=number, qos=1, epoch=1) for number, kind in group
        ]
        self.acknowledged |= {each.packet_id for each in self._commits.commit(0.0, NOW_NS)}

    def end(self) -> None:
        """Close; whoever lived to here dies now."""
        if not self.is_dead:
            self._die()
        self.journal._writer._connection.set_trace_callback(None)
        self.journal.close()

    def _count(self, _statement: str) -> None:
        self._left -= 1
        if self._left == 0:
            self._die()

    def _die(self) -> None:
        """Keep the files as kill -9 leaves them: what was written is there, the process is not."""
        self.is_dead = True
        self.acknowledged_at_death = set(self.acknowledged)
        shutil.copytree(self._folder, self._grave, ignore=shutil.ignore_patterns("*-shm", "*.lock"))


@settings(max_examples=60, deadline=None)
@given(
    groups=st.lists(st.lists(KINDS, min_size=1, max_size=6), min_size=1, max_size=8),
    deaths=st.lists(st.integers(1, 40), min_size=1, max_size=4),
)
def test_commit_dying_anywhere_has_stored_what_it_acknowledged(tmp_path_factory, groups, deaths):
    """Law 1: at every death what was acknowledged is stored; the rest, repeated by the broker, is stored in the end."""
    folder = tmp_path_factory.mktemp("lives")
    numbers = iter(range(1, 1000))
    waiting = [[(next(numbers), kind) for kind in group] for group in groups]
    everything = {number for group in waiting for number, kind in group if kind != "canary"}
    canaries = {number for group in waiting for number, kind in group if kind == "canary"}
    for i, dies_at in enumerate([*deaths, 10**9]):
        life = Life(folder / str(i), folder / str(i + 1), dies_at)
        for group in waiting:
            life.take(group)
            if life.is_dead:
                break
        life.end()
        survivor = SqliteJournal(folder / str(i + 1) / "journal.db", register().sensor_ids, 64 * MIB, 0)
        kept = stored(survivor)
        survivor.close()

        assert life.acknowledged_at_death - canaries <= kept
        waiting = [[each for each in group if each[0] not in life.acknowledged_at_death] for group in waiting]
    assert everything == kept
