from contextlib import ExitStack, suppress
from dataclasses import replace

import pytest

from collector.batch import make_batch
from collector.journal import JournalFullError
from collector.journal.sqlite import SqliteJournal
from lifeline.runtime.journal_retention import ROOM_SHARE, JournalRetention

SECOND = 1_000_000_000


def _trimmed(desk, recorder, snapshot, retention_s):
    house = JournalRetention(
        desk.stores.journal,
        (lambda: recorder, lambda: snapshot),
        retention_s * SECOND,
        lambda: desk.now_ns + SECOND,
    )
    return house.trim()


@pytest.mark.parametrize(
    ("recorder", "snapshot", "retention_s", "expected"),
    [
        (10, 10, 0, 10),
        (3, 10, 0, 3),
        (10, 4, 0, 4),
        (10, 10, 10, 5),
        (10, 10, 3600, 0),
        (0, 10, 0, 0),
    ],
)
def test_trim_keeps_what_anybody_needs(desk, recorder, snapshot, retention_s, expected):
    """Nothing goes that the recorder has not stored, the rules would replay, or the retention still covers."""
    desk.feed(0.35, 10)
    assert expected == _trimmed(desk, recorder, snapshot, retention_s)


class _Reader:
    """A reader that stands where the test says."""

    def __init__(self, position=0):
        self.position = position

    def __call__(self):
        return self.position


def _journal(folder, undo):
    journal = SqliteJournal(folder / "journal.db", ("a",), 1 << 20, 0)
    undo.callback(journal.close)
    return journal


def _fill(journal, share):
    """Append until the journal is fuller than `share`, or refuses; returns the last position."""
    with suppress(JournalFullError):
        while journal.status().bytes <= share * journal.status().max_bytes:
            _append(journal)
    return journal.last_position()


def _append(journal):
    return journal.append([make_batch(1, [0] * 500, range(500), [0.0] * 500, [0] * 500)])


@pytest.fixture
def tight(tmp_path):
    """A journal of 1 MiB with one reader, and three days of retention."""
    with ExitStack() as undo:
        journal, reader = _journal(tmp_path, undo), _Reader()
        yield journal, reader, JournalRetention(journal, (reader,), 72 * 3600 * SECOND, lambda: SECOND)


def test_make_room_below_the_share_keeps_everything(tight):
    """While there is room, the retention decides."""
    journal, reader, house = tight
    reader.position = _fill(journal, ROOM_SHARE - 0.1)
    assert 0 == house.make_room()


def test_make_room_of_what_all_have_read_frees_no_more_than_needed(tight):
    """A journal that grows faster than its retention loses its oldest, and keeps most of it."""
    journal, reader, house = tight
    reader.position = last = _fill(journal, ROOM_SHARE)
    trimmed = house.make_room()
    status = journal.status()
    assert ROOM_SHARE - 0.1 < status.bytes / status.max_bytes <= ROOM_SHARE
    assert (trimmed, last) == (house.counts["journal_entries_trimmed", "room"], status.last)


@pytest.mark.parametrize("read", [0, 3])
def test_make_room_never_takes_what_is_not_read(tight, read):
    """Entries that a reader still needs stay, however full the journal is."""
    journal, reader, house = tight
    reader.position = read
    _fill(journal, 1.0)
    house.make_room()
    assert (read + 1, read) == (journal.status().first, house.counts["journal_entries_trimmed", "room"])


def test_make_room_of_a_full_journal_lets_the_intake_go_on(tight):
    """A journal at its cap takes new readings again as soon as its entries were read."""
    journal, reader, house = tight
    reader.position = last = _fill(journal, 1.0)
    was_full = journal.status().full
    house.make_room()
    assert (True, last + 1) == (was_full, _append(journal))


def test_make_room_says_once_that_the_retention_is_cut(tight, capsys):
    """One line when it begins, whatever number of looks it lasts."""
    journal, reader, house = tight
    for _ in range(3):
        reader.position = _fill(journal, ROOM_SHARE)
        house.make_room()
    assert 1 == capsys.readouterr().out.count("journal_retention_cut")


def test_make_room_on_a_full_disk_takes_a_sixteenth_a_look(tight, monkeypatch):
    """Where the disk is full before the cap, read entries are trimmed a little at a time."""
    journal, reader, house = tight
    reader.position = _fill(journal, 0.5)
    status = replace(journal.status(), full=True)
    monkeypatch.setattr(journal, "status", lambda: status)
    assert status.entries // 16 == house.make_room()


def test_trim_that_the_disk_refuses_is_counted_and_tried_again(tight, monkeypatch):
    """A disk without a free block refuses the first delete; that is no reason to end the program."""
    journal, reader, house = tight
    reader.position = _fill(journal, ROOM_SHARE)
    trim = journal.trim

    def refuse(_before):
        """Be the journal at the moment at which its ballast gives way."""
        raise JournalFullError("no block left")

    monkeypatch.setattr(journal, "trim", refuse)
    house.make_room()
    monkeypatch.setattr(journal, "trim", trim)
    assert house.make_room() > 0
    assert 1 == house.counts["journal_trims_refused", "disk_full"]


def test_snapshot_of_a_quiet_journal_follows_so_that_it_can_be_trimmed(desk):
    """A full journal brings nothing to commit with: the rules' snapshot moves on by the clock, and frees it."""
    desk.new_stage(snapshot_s=60.0).restore()
    desk.feed(0.35, 5)
    desk.evaluate()
    desk.monotonic_s += 1.0
    desk.stage._idle()
    before = desk.stage.status().snapshot
    desk.monotonic_s += 60.0
    desk.stage._idle()
    assert (0, 5) == (before, desk.stage.status().snapshot)
