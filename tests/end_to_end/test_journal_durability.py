"""Acknowledged entries of the journal are there: after kill -9, a failed sync, a full disk, under many readers."""

import os
import random
import re
import shutil
import sqlite3
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from collector.batch import make_batch
from collector.journal import JournalFullError
from collector.journal.reader import JournalReader
from collector.journal.sqlite import SqliteJournal

pytestmark = pytest.mark.end_to_end
MIB = 1 << 20

CHILD = """
import sys
from pathlib import Path
from collector.batch import make_batch
from collector.journal import JournalBrokenError
from collector.journal.sqlite import SqliteJournal

journal = SqliteJournal(Path(sys.argv[1]), ("a",), 256 << 20, 1 << 20)
n, last = int(sys.argv[2]), journal.last_position()
for i in range(last + 1, last + 1 + n):
    try:
        position = journal.append([make_batch(i, [0] * 100, range(100), [float(i)] * 100, [0] * 100)])
    except JournalBrokenError:
        print("broken", flush=True)
        continue
    print("ack", position, flush=True)
"""


def _child(path, n, *before):
    """Start a process that appends `n` batches and says which it may acknowledge."""
    command = [*before, sys.executable, "-c", CHILD, str(path), str(n)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=Path.cwd())


def _acked(text):
    """Return the acknowledged positions that the child printed."""
    return [int(position) for position in re.findall(r"^ack (\d+)$", text, re.MULTILINE)]


def _stored(path):
    """Return position to first value of every entry after a restart."""
    journal = SqliteJournal(path, ("a",), 256 * MIB, 0)
    entries = journal.read(0, 1_000_000)
    journal.close()
    return {entry.position: float(entry.batch.value[0]) for entry in entries}


def _batch(i, n=500):
    return make_batch(i, [0] * n, range(n), [float(i)] * n, [0] * n)


@pytest.fixture
def strace():
    """Return the path of strace, which injects faults into system calls."""
    program = shutil.which("strace")
    if program is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("strace is not installed: apt-get install strace")
    return program


@pytest.fixture
def small_disk(tmp_path):
    """Return a folder on a disk of 16 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", folder], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"no tmpfs can be mounted: {mounted.stderr}")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def test_journal_killed_at_random_points_keeps_every_acknowledged_batch(tmp_path):
    """A kill -9 in the middle of appending, six times over the same file, loses nothing that was acknowledged."""
    path = tmp_path / "journal.db"
    acked = []
    chance = random.Random(27)  # noqa: S311 - chooses when to kill
    for _ in range(6):
        with _child(path, 1_000_000) as child:
            for _ in range(chance.randrange(1, 400)):
                acked += _acked(child.stdout.readline())
            child.kill()
            acked += _acked(child.stdout.read())
    stored = _stored(path)

    assert len(acked) > 6
    assert {position: float(position) for position in acked}.items() <= stored.items()


def test_journal_append_syncs_before_each_acknowledgement(tmp_path, strace):
    """Between two acknowledgements lies at least one sync of the WAL."""
    trace = tmp_path / "trace"
    tracer = (strace, "-f", "-y", "-e", "trace=fsync,fdatasync,write", "-o", str(trace))
    with _child(tmp_path / "journal.db", 50, *tracer) as child:
        acked = _acked(child.stdout.read())
    calls = "".join(
        "s" if re.search(r"sync\(\d+<[^>]*journal\.db-wal>\) = 0", line) else "a" if '"ack' in line else ""
        for line in trace.read_text().splitlines()
    )

    assert 50 == len(acked)
    assert re.fullmatch(r"(s+a)+s*", calls), calls
    assert calls.count("s") >= calls.count("a") == 50


def test_journal_failed_sync_is_fatal_and_never_repeated(tmp_path, strace):
    """After one EIO nothing more is acknowledged or synced, and a restart finds all that was."""
    path, trace = tmp_path / "journal.db", tmp_path / "trace"
    tracer = (
        strace,
        "-f",
        "-y",
        "-e",
        "trace=fdatasync",
        "-e",
        "inject=fdatasync:error=EIO:when=20+",
        "-o",
        str(trace),
    )
    with _child(path, 40, *tracer) as child:
        said = child.stdout.read()
    acked, stored = _acked(said), _stored(path)
    refused = [line for line in trace.read_text().splitlines() if "EIO" in line]

    assert 40 == len(acked) + len(re.findall(r"^broken$", said, re.MULTILINE))
    assert 10 <= len(acked) < 20
    assert {position: float(position) for position in acked}.items() <= stored.items()
    # One for the commit; closing the file at the end of the process may try one more, which nobody relies on.
    assert len(refused) <= 2


def test_journal_full_disk_refuses_keeps_drains_and_resumes(small_disk):
    """On a full disk nothing is half stored; cursor and trim still work; trimmed room is used again."""
    journal = SqliteJournal(small_disk / "journal.db", ("a",), 1024 * MIB, 3 * MIB)
    last = _fill(journal)
    kept = [(entry.position, entry.batch.value[0]) for entry in journal.read(0, 1_000_000)]
    journal.save_cursor("recorder", last)
    trimmed = journal.trim(last // 2)
    resumed = [journal.append([_batch(last + i)]) for i in range(1, 20)]
    read_again = [entry.position for entry in journal.read(last, 100)]
    journal.close()

    assert last > 200
    assert [(i, float(i)) for i in range(1, last + 1)] == kept
    assert (last // 2, [last + i for i in range(1, 20)]) == (trimmed, resumed)
    assert resumed == read_again
    assert "ok" == _integrity(small_disk / "journal.db")


def test_journal_disk_filled_by_others_resumes_when_they_leave(small_disk):
    """Another program fills the disk; the intake stops acknowledging, and goes on when the room is back."""
    journal = SqliteJournal(small_disk / "journal.db", ("a",), 1024 * MIB, 3 * MIB)
    last = journal.append([_batch(i) for i in range(1, 101)])
    hog = small_disk / "hog"
    _hog(hog)
    last = max(last, _fill(journal))
    was_full = journal.status().full
    hog.unlink()
    resumed = journal.append([_batch(last + 1)])
    status = journal.status()
    found = [entry.position for entry in journal.read(0, 1_000_000)]
    journal.close()

    assert (True, last + 1, False) == (was_full, resumed, status.full)
    assert list(range(1, last + 2)) == found
    assert (small_disk / "journal.db.ballast").stat().st_size == 3 * MIB


def test_journal_opened_on_a_full_disk_uses_the_ballast(small_disk):
    """A restart on a full disk reads, refuses, trims, and goes on."""
    path = small_disk / "journal.db"
    journal = SqliteJournal(path, ("a",), 1024 * MIB, 3 * MIB)
    last = journal.append([_batch(i) for i in range(1, 301)])
    journal.close()
    _hog(small_disk / "hog")
    journal = SqliteJournal(path, ("a",), 1024 * MIB, 3 * MIB)
    kept = len(journal.read(0, 1_000_000))
    with pytest.raises(JournalFullError):
        journal.append([_batch(last + 1)])
    journal.trim(last)
    resumed = journal.append([_batch(last + 1)])
    journal.close()

    assert (last, last + 1) == (kept, resumed)


def test_journal_opened_without_a_free_byte_says_what_to_do(small_disk):
    """Where not even the ballast is left, the start is refused with the reason, and works once there is room."""
    path = small_disk / "journal.db"
    journal = SqliteJournal(path, ("a",), 1024 * MIB, 0)
    last = journal.append([_batch(i) for i in range(1, 301)])
    journal.close()
    _hog(small_disk / "hog")
    with pytest.raises(JournalFullError, match="free some space"):
        SqliteJournal(path, ("a",), 1024 * MIB, 0)
    (small_disk / "hog").unlink()
    journal = SqliteJournal(path, ("a",), 1024 * MIB, 0)
    kept = len(journal.read(0, 1_000_000))
    journal.close()

    assert last == kept


def test_reader_of_a_journal_on_a_read_only_disk_reads_it(small_disk):
    """A copy on a medium that cannot be written can still be replayed."""
    path = small_disk / "journal.db"
    journal = SqliteJournal(path, ("a",), 1024 * MIB, 0)
    journal.append([_batch(1), _batch(2)])
    journal.close()
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    reader = JournalReader(path, ("a",))
    found = [entry.position for entry in reader.read(0, 9)]
    reader.close()

    assert [1, 2] == found


def test_journal_with_four_readers_stays_sound_and_in_order(tmp_path):
    """Four readers, one of them without any pause, one in another process, while batches are appended and trimmed."""
    path = tmp_path / "journal.db"
    journal = SqliteJournal(path, ("a",), 64 * MIB, 1 * MIB)
    n, wrong = 3000, []
    readers = [threading.Thread(target=_follow, args=(journal, n, wrong)) for _ in range(3)]
    other = JournalReader(path, ("a",))
    readers.append(threading.Thread(target=_follow, args=(other, n, wrong)))
    outside = subprocess.Popen([sys.executable, "-c", FOLLOWER, str(path), str(n)], stdout=subprocess.PIPE, text=True)
    for reader in readers:
        reader.start()
    for i in range(1, n + 1):
        journal.append([_batch(i, n=200)])
    for reader in readers:
        reader.join(60)
    said, _ = outside.communicate(timeout=60)
    journal.trim(n // 2)
    wal_bytes = path.with_name("journal.db-wal").stat().st_size
    other.close()
    journal.close()

    assert ([], f"{n}\n") == (wrong, said)
    assert "ok" == _integrity(path)
    assert wal_bytes < 64 * MIB


FOLLOWER = """
import sys
from pathlib import Path
from collector.journal.reader import JournalReader
reader, position, n = JournalReader(Path(sys.argv[1]), ("a",)), 0, int(sys.argv[2])
while position < n:
    reader.wait(position, 1.0)
    for entry in reader.read(position, 50):
        assert entry.position == position + 1 == entry.batch.value[0]
        position = entry.position
print(position)
"""


def _follow(journal, n, wrong):
    """Read up to position `n`; an entry out of order goes to `wrong`."""
    position = 0
    while position < n:
        journal.wait(position, 1.0)
        for entry in journal.read(position, 50):
            if not entry.position == position + 1 == entry.batch.value[0]:
                wrong.append(entry)
            position = entry.position


def _fill(journal):
    """Append until the journal refuses; returns the last position."""
    last = journal.last_position()
    with suppress(JournalFullError):
        while True:
            last = journal.append([_batch(last + 1)])
    return last


def _hog(path):
    """Take up all room of the disk that `path` is on."""
    with suppress(OSError), path.open("wb", buffering=0) as file:
        while True:
            file.write(b"\0" * 65_536)


def _integrity(path):
    connection = sqlite3.connect(path)
    answer = connection.execute("PRAGMA integrity_check").fetchone()[0]
    connection.close()
    return answer
