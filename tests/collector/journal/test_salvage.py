"""A damaged journal gives back every row that the damage does not touch."""

import sqlite3

import pytest

from collector.batch import make_batch
from collector.dead_letter import DeadLetter, DeadLetterReason
from collector.journal.reader import JournalReader
from collector.journal.salvage import suspect
from collector.journal.sqlite import SqliteJournal

SENSORS = ("a",)
ROWS = 40
PAGE = 4096
MIB = 1 << 20


@pytest.fixture
def journal_file(tmp_path):
    """Return a closed journal of 40 rows, each two thirds of a page or two pages, with a cursor and a dead letter."""
    path = tmp_path / "journal.db"
    journal = SqliteJournal(path, SENSORS, 64 * MIB, 0)
    for i in range(1, ROWS + 1):
        n = 120 if i % 2 else 400
        journal.append([make_batch(i, [0] * n, range(n), [float(i)] * n, [0] * n)])
    journal.append([], [DeadLetter(1, "t", b"x", DeadLetterReason.SYNTAX, "d")])
    journal.save_cursor("recorder", 3)
    journal.close()
    return path


def _open(path):
    return SqliteJournal(path, SENSORS, 64 * MIB, 0)


def _invert(path, start, length=1):
    """Invert `length` bytes of the file from `start`."""
    content = bytearray(path.read_bytes())
    content[start : start + length] = bytes(byte ^ 0xFF for byte in content[start : start + length])
    path.write_bytes(content)


def _rows(reader):
    """Return (position, first value) of everything that can be read."""
    found, after = [], 0
    while entries := reader.read(after, 7):
        found += [(entry.position, float(entry.batch.value[0])) for entry in entries]
        after = entries[-1].position
    return found


def _pages_of_rows(path):
    """Return page numbers (from 1) of the leaves of the table of batches."""
    connection = sqlite3.connect(path)
    root = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'batches'").fetchone()[0]
    connection.close()
    content = path.read_bytes()
    pages = range(1, len(content) // PAGE + 1)
    leaves = [page for page in pages if page > root and content[(page - 1) * PAGE] == 13]
    return [page for page in leaves if b"LLB2" in content[(page - 1) * PAGE : page * PAGE]]


@pytest.mark.parametrize("offset", [0, 1, 3, 5, 8, 9, 100, 2000, 4000, 4095])
def test_reader_damaged_leaf_page_reads_all_rows_of_other_pages(journal_file, offset):
    """One inverted byte of one leaf costs at most the rows of that leaf, and no row comes back changed."""
    leaf = _pages_of_rows(journal_file)[2]
    _invert(journal_file, (leaf - 1) * PAGE + offset)
    reader = JournalReader(journal_file, SENSORS)
    found = _rows(reader)
    reader.close()

    assert set(found) <= {(i, float(i)) for i in range(1, ROWS + 1)}
    assert len(found) >= ROWS - 8


def test_reader_overwritten_leaf_page_is_passed_over_and_counted(journal_file):
    """A whole page of rubbish is counted as set aside and reading goes on behind it."""
    leaf = _pages_of_rows(journal_file)[2]
    _invert(journal_file, (leaf - 1) * PAGE, PAGE)
    reader = JournalReader(journal_file, SENSORS)
    found = _rows(reader)
    reader.close()

    assert ROWS == len(found) + reader.counts["journal_rows_set_aside", "unreadable"]
    assert ROWS > len(found) >= ROWS - 8


def test_open_damaged_tree_copies_the_readable_rows_and_keeps_the_file(journal_file):
    """At start a damaged file is replaced by its readable rows at the same positions; it stays beside the new one."""
    _invert(journal_file, (_pages_of_rows(journal_file)[2] - 1) * PAGE, PAGE)
    damaged = journal_file.read_bytes()
    journal = _open(journal_file)
    found = _rows(journal)
    after = journal.append([make_batch(9, [0], [1], [1.0], [0])])
    state = (journal.cursor("recorder"), len(journal.dead_letters(9)), after)
    lost = journal.counts["journal_rows_set_aside", "damaged_file"]
    journal.close()

    assert (3, 1, ROWS + 1) == state
    assert ROWS == len(found) + lost
    assert damaged == journal_file.with_name("journal.db.corrupt-1").read_bytes()
    assert all(position == value for position, value in found)


def test_open_file_without_a_header_continues_behind_every_old_position(journal_file):
    """Of a file that says nothing no position may come again, for the ledger remembers them."""
    _invert(journal_file, 0, PAGE)
    journal = _open(journal_file)
    position = journal.append([make_batch(9, [0], [1], [1.0], [0])])
    journal.close()

    assert position > ROWS
    assert journal_file.with_name("journal.db.corrupt-1").exists()


def test_open_row_with_a_wrong_crc_keeps_the_file_and_passes_over_the_row(journal_file):
    """A changed byte inside a frame costs that row alone; the file needs no repair."""
    content = journal_file.read_bytes()
    _invert(journal_file, content.rindex(b"LLB2") + 60)
    journal = _open(journal_file)
    found = _rows(journal)
    journal.close()

    assert (ROWS - 1, 1) == (len(found), journal.counts["journal_rows_set_aside", "unreadable"])
    assert not journal_file.with_name("journal.db.corrupt-1").exists()


def test_open_crash_between_copy_and_swap_finishes_the_swap(journal_file):
    """A copy that was complete when the process died takes the place of the damaged file at the next start."""
    journal_file.rename(journal_file.with_name("journal.db.salvaged"))
    journal_file.write_bytes(b"damaged" * 1000)
    journal = _open(journal_file)
    found = _rows(journal)
    journal.close()

    assert ROWS == len(found)
    assert b"damaged" == journal_file.with_name("journal.db.corrupt-1").read_bytes()[:7]


def test_open_suspect_mark_is_removed_when_the_file_is_sound(journal_file):
    """An earlier run's suspicion asks for one full check."""
    suspect(journal_file)
    _open(journal_file).close()

    assert not journal_file.with_name("journal.db.suspect").exists()


def test_open_every_page_damaged_in_turn_never_loses_more_than_its_rows(journal_file):
    """Whichever page is hit, the journal opens, takes new entries, and shows nothing that was not stored."""
    sound = journal_file.read_bytes()
    for page in range(len(sound) // PAGE):
        for name in journal_file.parent.iterdir():
            name.unlink()
        journal_file.write_bytes(sound)
        _invert(journal_file, page * PAGE, PAGE)
        journal = _open(journal_file)
        found = _rows(journal)
        position = journal.append([make_batch(9, [0], [1], [1.0], [0])])
        journal.close()

        assert set(found) <= {(i, float(i)) for i in range(1, ROWS + 1)}, page
        assert position > (found or [(0, 0)])[-1][0], page
