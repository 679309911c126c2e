"""The journal on SQLite: order, caps, cursors, dead letters, registers that change."""

import hashlib
import threading
from contextlib import suppress

import pytest
from structlog.testing import capture_logs

from collector.batch import make_batch, tick
from collector.dead_letter import DeadLetter, DeadLetterReason
from collector.journal import JournalFullError
from collector.journal.reader import JournalReader
from collector.journal.sqlite import SqliteJournal
from collector.journal.writer import JournalInUseError

SENSORS = ("a", "b", "c")
MIB = 1 << 20


@pytest.fixture
def open_journal(tmp_path):
    """Return a function that opens the test's journal; all are closed after the test."""
    opened = []

    def open_(sensor_ids=SENSORS, max_bytes=64 * MIB, ballast_bytes=0):
        journal = SqliteJournal(tmp_path / "journal.db", sensor_ids, max_bytes, ballast_bytes)
        opened.append(journal)
        return journal

    yield open_
    for journal in opened:
        journal.close()


def _batch(received_ns, n=1, sensor=0):
    """Return a batch of `n` readings of one sensor."""
    return make_batch(received_ns, [sensor] * n, range(n), [float(i) for i in range(n)], [0] * n)


def _letter(i=0, payload=b"x", reason=DeadLetterReason.SYNTAX, topic="t"):
    """Return a dead letter that can be told from others."""
    return DeadLetter(i, topic, payload, reason, f"letter {i}")


def _fill(journal, n):
    """Append batches of `n` readings until the journal is full; returns the last position."""
    last = 0
    with suppress(JournalFullError):
        while True:
            last = journal.append([_batch(last + 1, n=n)])
    return last


def _received(entries):
    return [(entry.position, entry.batch.received_ns) for entry in entries]


def test_append_gives_positions_from_one_and_read_gives_the_same_order(open_journal):
    """Positions count 1, 2, 3 and entries come back in the order of appending."""
    journal = open_journal()
    positions = [journal.append([tick(10), _batch(20)]), journal.append([tick(30)])]

    assert ([2, 3], [(1, 10), (2, 20), (3, 30)]) == (positions, _received(journal.read(0, 10)))


def test_append_nothing_returns_the_last_position(open_journal):
    """An empty append stores nothing."""
    journal = open_journal()
    journal.append([tick(1)])

    assert 1 == journal.append([])


def test_append_unknown_sensor_number_stores_nothing(open_journal):
    """A number outside the register would poison every reader and is refused."""
    journal = open_journal()
    with pytest.raises(ValueError, match=r"expected sensor numbers 0\.\.2"):
        journal.append([tick(1), _batch(2, sensor=3)])

    assert [] == journal.read(0, 10)


@pytest.mark.parametrize(("after", "limit", "expected"), [(0, 2, [1, 2]), (1, 10, [2, 3]), (3, 10, []), (99, 1, [])])
def test_read_after_and_limit(open_journal, after, limit, expected):
    """`read` gives at most `limit` entries behind `after`."""
    journal = open_journal()
    journal.append([tick(i) for i in range(3)])

    assert expected == [entry.position for entry in journal.read(after, limit)]


def test_trim_forgets_and_positions_never_come_back(open_journal):
    """After a trim of everything and a reopening the next position goes on."""
    journal = open_journal()
    journal.append([tick(i) for i in range(600)])
    trimmed = [journal.trim(2), journal.trim(600), journal.trim(600)]
    journal.close()
    position = open_journal().append([tick(7)])

    assert ([2, 598, 0], 601) == (trimmed, position)


def test_status_counts_entries_from_the_oldest_to_the_last(open_journal):
    """The status names oldest, last and number of entries."""
    journal = open_journal()
    journal.append([tick(i) for i in range(10)])
    journal.trim(4)
    status = journal.status()

    assert (6, 5, 10, False, 64 * MIB) == (status.entries, status.first, status.last, status.full, status.max_bytes)


def test_reopen_keeps_entries_and_cursors(open_journal):
    """A closed journal gives back what it got."""
    journal = open_journal()
    journal.append([_batch(5, n=3, sensor=2)])
    journal.save_cursor("recorder", 1)
    journal.close()
    journal = open_journal()
    [entry] = journal.read(0, 10)

    assert (1, [2, 2, 2], [0.0, 1.0, 2.0]) == (
        journal.cursor("recorder"),
        entry.batch.sensor.tolist(),
        entry.batch.value.tolist(),
    )


def test_cursor_never_saved_is_zero(open_journal):
    """A new reader starts before the first entry."""
    assert 0 == open_journal().cursor("rules")


def test_read_after_the_register_changed_maps_ids_and_counts_the_gone(open_journal):
    """An old batch shows today's numbers; readings of a sensor that left are dropped and counted."""
    journal = open_journal(("a", "b", "c"))
    journal.append([make_batch(1, [0, 1, 2], [1, 2, 3], [10.0, 11.0, 12.0], [0, 0, 0])])
    journal.close()
    journal = open_journal(("c", "new", "a"))
    journal.append([make_batch(2, [1], [4], [13.0], [0])])
    readings = [list(zip(e.batch.sensor.tolist(), e.batch.value.tolist(), strict=True)) for e in journal.read(0, 9)]

    assert [[(2, 10.0), (0, 12.0)], [(1, 13.0)]] == readings
    assert 1 == journal.counts["journal_readings_dropped", "sensor_left_register"]


def test_register_changed_there_and_back_reads_every_batch(open_journal):
    """Dictionaries are kept as long as a batch needs them, and forgotten after."""
    for sensor_ids in (("a",), ("b",), ("a",), ("c", "a")):
        journal = open_journal(sensor_ids)
        journal.append([make_batch(1, [0], [1], [1.0], [0])])
        journal.close()
    journal = open_journal(("a", "b", "c"))
    found = [entry.batch.sensor.tolist() for entry in journal.read(0, 9)]
    journal.trim(3)
    journal.close()
    again = [entry.batch.sensor.tolist() for entry in open_journal(("a", "b", "c")).read(0, 9)]

    assert ([[0], [1], [0], [2]], [[2]]) == (found, again)


def test_wait_returns_at_once_when_there_is_an_entry(open_journal):
    """Nobody waits for what is there already."""
    journal = open_journal()
    journal.append([tick(1)])

    assert (True, False) == (journal.wait(0, 0.0), journal.wait(1, 0.0))


def test_wait_is_woken_by_an_append_of_another_thread(open_journal):
    """A waiting reader hears of an append long before its timeout."""
    journal = open_journal()
    heard = []
    waiter = threading.Thread(target=lambda: heard.append(journal.wait(0, 60.0)))
    waiter.start()
    journal.append([tick(1)])
    waiter.join(30)

    assert [True] == heard


def test_reader_of_a_live_journal_sees_appends_without_writing(open_journal, tmp_path):
    """Replay and explain read a journal that is being written."""
    journal = open_journal()
    reader = JournalReader(tmp_path / "journal.db", SENSORS)
    before = reader.wait(0, 0.0)
    journal.append([tick(1)])
    seen = (reader.wait(0, 0.0), _received(reader.read(0, 9)), reader.last_position(), reader.first_position())
    reader.close()

    assert (False, (True, [(1, 1)], 1, 1)) == (before, seen)


def test_reader_of_a_closed_journal_leaves_the_writer_free(open_journal, tmp_path):
    """A reader alone on a closed file reads it, and a writer can open after."""
    open_journal().append([tick(1)])
    reader = JournalReader(tmp_path / "journal.db", SENSORS)
    seen = _received(reader.read(0, 9))
    reader.close()

    assert [(1, 1)] == seen


def test_reader_of_no_file_says_what_it_expected(tmp_path):
    """A wrong path is named, and nothing is created there."""
    with pytest.raises(FileNotFoundError, match="expected a journal file"):
        JournalReader(tmp_path / "none.db", SENSORS).last_position()

    assert [] == list(tmp_path.iterdir())


@pytest.mark.parametrize(("received_ns", "expected"), [(0, 0), (10, 0), (11, 1), (30, 2), (31, 3), (99, 3)])
def test_position_at_finds_the_last_entry_before_a_time(open_journal, received_ns, expected):
    """Retention and replay ask by time."""
    journal = open_journal()
    journal.append([tick(10), tick(20), tick(30)])

    assert expected == journal.reader.position_at(received_ns)


def test_second_writer_is_refused(open_journal):
    """Two writers of one file cannot be."""
    open_journal()

    with pytest.raises(JournalInUseError, match="stop it first"):
        open_journal()


def test_append_beyond_the_cap_is_refused_and_goes_on_after_a_trim(open_journal):
    """At the cap nothing is stored and nothing is lost; a trim makes room again; one log line each."""
    journal = open_journal(max_bytes=1 * MIB)
    with capture_logs() as logs:
        appended = _fill(journal, 500)
        with pytest.raises(JournalFullError, match="would pass the cap"):
            journal.append([_batch(0, n=500)])
        full = journal.status().full
        kept = _received(journal.read(0, 10_000))
        journal.trim(appended // 2)
        resumed = journal.append([_batch(0, n=500)])

    assert (True, [(i, i) for i in range(1, appended + 1)], appended + 1) == (full, kept, resumed)
    assert ["journal_full", "journal_resumed"] == [line["event"] for line in logs]
    assert not journal.status().full


def test_cursor_and_dead_letters_fit_at_the_cap(open_journal):
    """What drains a full journal needs room itself, and has it."""
    journal = open_journal(max_bytes=1 * MIB)
    _fill(journal, 50)
    journal.save_cursor("recorder", 5)
    for i in range(500):
        journal.record_dead_letters([_letter(i, payload=b"x" * 4000)])

    assert (5, "letter 499") == (journal.cursor("recorder"), journal.dead_letters(1)[0].detail)


def test_dead_letters_come_back_newest_first_and_by_reason(open_journal):
    """A letter keeps its topic, payload, reason and detail."""
    journal = open_journal()
    letters = [_letter(1), _letter(2, reason=DeadLetterReason.TOPIC), _letter(3)]
    journal.append([], letters)

    assert letters[::-1] == journal.dead_letters(10)
    assert [letters[1]] == journal.dead_letters(10, DeadLetterReason.TOPIC)
    assert (2, 1) == (journal.counts["dead_letters", "syntax"], journal.counts["dead_letters", "topic"])


def test_dead_letter_too_long_keeps_4_kib_length_and_hash(open_journal):
    """Of a huge payload its beginning and its identity are kept."""
    journal = open_journal()
    journal.append([], [_letter(payload=b"y" * 5000)])
    [letter] = journal.dead_letters(1)

    assert b"y" * 4096 == letter.payload
    assert f"letter 0 (first 4096 of 5000 bytes, sha256 {hashlib.sha256(b'y' * 5000).hexdigest()})" == letter.detail


@pytest.mark.parametrize("topic", ["t\udcff", "zero\0byte", "水/压力", ""])
def test_dead_letter_any_topic_is_stored(open_journal, topic):
    """A topic that is not UTF-8 does not stop the commit."""
    journal = open_journal()
    journal.append([tick(1)], [_letter(topic=topic)])

    assert [topic.encode("utf-8", "backslashreplace").decode()] == [x.topic for x in journal.dead_letters(9)]


def test_dead_letters_beyond_the_quota_evict_the_oldest(open_journal):
    """Dead letters never take the room of readings: the oldest go, counted."""
    journal = open_journal(max_bytes=16 * MIB)
    for i in range(300):
        journal.append([], [_letter(i, payload=b"z" * 4096)])
    kept = journal.dead_letters(1000)
    evicted = journal.counts["dead_letters_evicted", "quota"]

    assert (300, 299) == (len(kept) + evicted, kept[0].received_ns)
    assert 0 < evicted < 100


def test_append_readings_and_dead_letters_are_one_commit(open_journal):
    """When the batch is refused, its dead letters are not stored either."""
    journal = open_journal(max_bytes=1 * MIB)
    with pytest.raises(JournalFullError):
        journal.append([_batch(1, n=60_000)], [_letter()])

    assert [] == journal.dead_letters(9)
