from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from collector.checkpoints import CheckCheckpoint
from collector.decoding.pipeline import Pipeline
from collector.intake.group_commit import GroupCommit
from collector.journal.sqlite import SqliteJournal
from config.settings import IntakeSettings
from tests.collector.registers import NOW_MS, NOW_NS, message, pipeline, register


@pytest.fixture
def journal(tmp_path):
    """Return a journal with room."""
    journal = SqliteJournal(tmp_path / "journal.db", register().sensor_ids, 1 << 24, 0)
    yield journal
    journal.close()


def run(checks: Pipeline, journal: SqliteJournal, first: int, last: int, memory: CheckCheckpoint | None = None) -> None:
    """Take in one message every two seconds, each in its own commit a second of the loop's clock apart."""
    commits = GroupCommit(checks, journal, IntakeSettings(), Counter(), memory=memory)
    for i in range(first, last):
        value = 450.0 + (i * 37 % 11) / 10
        commits.pending.append(replace(message({"pressure_kpa": value}, ts=NOW_MS + 2000 * i), packet_id=i, qos=1))
        commits.commit(float(i), NOW_NS + 2_000_000_000 * i)


def restarted(path, journal: SqliteJournal) -> tuple[Pipeline, int, Counter]:
    """Return a new program's pipeline with its memory, from where it learned again, and what went wrong."""
    checks = pipeline()
    memory = CheckCheckpoint(path, checks.checks)
    return checks, memory.load(journal), memory.counts


def knows(checks: Pipeline) -> bytes:
    """Return everything that the checks remember."""
    return checks.checks.memory.snapshot()


def test_memory_after_a_crash_is_what_the_journal_says(journal, tmp_path):
    """The file is a minute old; the journal has the rest."""
    checks = pipeline()
    run(checks, journal, 0, 100, CheckCheckpoint(tmp_path / "checks.bin", checks.checks))
    again, learned_from, counts = restarted(tmp_path / "checks.bin", journal)

    assert (61, Counter(), knows(checks)) == (learned_from, counts, knows(again))


def test_memory_without_a_file_is_learned_from_the_journal(journal, tmp_path):
    """A first start with an old journal knows its sensors."""
    checks = pipeline()
    run(checks, journal, 0, 50)
    again, learned_from, _ = restarted(tmp_path / "checks.bin", journal)

    assert (0, knows(checks)) == (learned_from, knows(again))


@pytest.mark.parametrize("place", [0, 3, 8, 11, 200, -1])
def test_memory_with_a_changed_byte_is_learned_from_the_journal(journal, tmp_path, place):
    """A damaged file is counted, said and not believed."""
    checks, path = pipeline(), tmp_path / "checks.bin"
    run(checks, journal, 0, 50)
    CheckCheckpoint(path, checks.checks).save(50)
    blob = bytearray(path.read_bytes())
    blob[place] ^= 1
    path.write_bytes(blob)
    again, learned_from, counts = restarted(path, journal)

    assert (0, knows(checks)) == (learned_from, knows(again))
    assert Counter({("check_memory_failures", "damaged"): 1}) == counts


def test_memory_of_another_journal_is_refused(journal, tmp_path):
    """A file that is ahead of the journal belongs to one that was lost."""
    checks = pipeline()
    run(checks, journal, 0, 5)
    CheckCheckpoint(tmp_path / "checks.bin", checks.checks).save(999)
    again, _, counts = restarted(tmp_path / "checks.bin", journal)

    assert (knows(checks), 1) == (knows(again), counts["check_memory_failures", "other_journal"])


def test_memory_that_cannot_be_written_is_counted(tmp_path):
    """Readings are taken in all the same."""
    memory = CheckCheckpoint(tmp_path / "no_such_folder" / "checks.bin", pipeline().checks)
    memory.save(1)

    assert 1 == memory.counts["check_memory_failures", "write"]


def test_restart_in_the_middle_flags_the_same(tmp_path):
    """A spike right after a restart is a spike, as it would have been without."""
    flags = []
    for name, cut in (("whole", 130), ("cut", 120)):
        store = SqliteJournal(tmp_path / f"{name}.db", register().sensor_ids, 1 << 24, 0)
        path, checks = tmp_path / f"{name}.bin", pipeline()
        run(checks, store, 0, cut, CheckCheckpoint(path, checks.checks))
        again, _, _ = restarted(path, store)
        run(again, store, cut, 130)
        late = message({"pressure_kpa": 1500.0}, ts=NOW_MS + 2000 * 130)
        batch, _ = again.decode([late], NOW_NS + 2_000_000_000 * 130)
        flags.append(batch.quality.tolist())
        store.close()

    assert flags[0] == flags[1]
    assert np.any(flags[0])
