"""What is known of devices: while messages come, over a crash, over a change of the register, with a bad file."""

import json
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from collector.archive import CheckpointUnusableError
from collector.checkpoints import DeviceCheckpoint
from collector.decoding.pipeline import Pipeline, RawMessage
from collector.devices.device_state import DeviceStates
from collector.intake.group_commit import GroupCommit
from collector.journal.sqlite import SqliteJournal
from collector.payload import Mark
from config.settings import IntakeSettings
from tests.collector.registers import NOW_MS, NOW_NS, pipeline, register

DEVICE = "FT-1"


@pytest.fixture
def journal(tmp_path):
    """Return a journal with room."""
    journal = SqliteJournal(tmp_path / "journal.db", register().sensor_ids, 1 << 24, 0)
    yield journal
    journal.close()


def numbered(number: int, boot: int = 1) -> RawMessage:
    """Return the message of a terminal with that number."""
    payload = {"v": 1, "ts": NOW_MS + number, "seq": number, "boot": boot, "m": {"pressure_kpa": 400.0}}
    return RawMessage(f"lifeline/v1/fire/T-1/{DEVICE}/up", json.dumps(payload).encode())


def run(one: Pipeline, journal: SqliteJournal, numbers, memory: DeviceCheckpoint | None = None) -> None:
    """Take in one message a commit, a second of the loop's clock apart."""
    commits = GroupCommit(one, journal, IntakeSettings(), Counter(), devices=memory)
    for i, number in enumerate(numbers):
        commits.pending.append(replace(numbered(number), packet_id=i, qos=1))
        commits.commit(float(i), NOW_NS + i)


def restarted(journal: SqliteJournal, path) -> tuple[DeviceStates, int]:
    """Return the book of a new program, and up to where its file was of use."""
    memory = DeviceCheckpoint(path, pipeline().devices, journal)
    return memory.states, memory.load()


def gaps(book: DeviceStates) -> tuple[int, ...]:
    """Return missing, filled, repeated, restarts and the last number of the terminal."""
    counted, place = book.sequences.counted, book.place[DEVICE]
    columns = (counted.missing, counted.filled, counted.repeated, counted.restarts, counted.last)
    return tuple(int(column[place]) for column in columns)


def test_book_counts_messages_and_remembers_what_devices_say():
    """Every message counts, numbered or not; the firmware is the last that was said."""
    book = DeviceStates(["A", "B"])
    book.seen.add(1, None)
    book.seen.add(1, Mark(4, 9, "2.0"))
    book.seen.add(1, Mark(6, 9, "2.1"))
    missing, note = book.take_seen(77)

    assert [0, 1] == missing.tolist()
    assert 40 == len(note)
    assert ([0, 3], [0, 77], {1: "2.1"}) == (book.messages.tolist(), book.heard_ns.tolist(), book.firmware)


def test_book_firmware_is_cut():
    """A device cannot fill the memory with its firmware's name."""
    book = DeviceStates(["A"])
    book.seen.add(0, Mark(firmware="x" * 10_000))
    book.take_seen(1)

    assert 80 == len(book.firmware[0])


def test_book_snapshot_is_matched_by_device():
    """A device that moved in the register keeps what is known of it; one that left takes it along."""
    old = DeviceStates(["A", "B", "C"])
    for device, number in ((0, 5), (1, 7), (1, 9), (2, 1)):
        old.seen.add(device, Mark(number, 3, f"f{device}"))
    old.take_seen(5)
    new = DeviceStates(["D", "C", "B"])
    new.restore(old.snapshot())

    assert [0, 1, 2] == new.messages.tolist()
    assert {1: "f2", 2: "f1"} == new.firmware
    assert {2: [(8, 8)]} == new.sequences.holes
    assert [-1, 1, 9] == new.sequences.counted.last.tolist()


@pytest.mark.parametrize("damage", [lambda blob: blob[:-40], lambda _: b"", lambda blob: b"x" * len(blob)])
def test_book_damaged_snapshot_is_refused_whole(damage):
    """Nothing is taken over from bytes that are not intact."""
    book = DeviceStates(["A"])
    with pytest.raises(CheckpointUnusableError):
        book.restore(damage(DeviceStates(["A"]).snapshot()))

    assert [-1] == book.sequences.counted.last.tolist()


def test_book_note_of_other_devices_is_left_alone():
    """A note may name devices that have left the register."""
    old = DeviceStates(["A", "B"])
    old.seen.add(0, Mark(5))
    old.seen.add(1, Mark(7))
    _, note = old.take_seen(1)
    new = DeviceStates(["B", "C"])
    new.learn(note)
    DeviceStates([]).learn(note)

    assert [7, -1] == new.sequences.counted.last.tolist()
    assert Counter() == new.sequences.counts


def test_pipeline_message_of_a_device_is_numbered():
    """What the payload says of itself reaches the book, and the note to keep with its readings."""
    one = pipeline()
    one.decode([numbered(1), numbered(2), numbered(5), numbered(4)], NOW_NS)

    assert (2, 1, 0, 0, 5) == gaps(one.devices)
    assert 4 == one.devices.messages[one.devices.place[DEVICE]]
    assert Counter({("sequence_gaps", "missing"): 2, ("sequence_gaps", "filled"): 1}) == one.devices.sequences.counts
    assert one.note


def test_pipeline_unreadable_or_unknown_messages_leave_no_trace():
    """A device that is not in the register, or a payload that is none, fills no memory."""
    one = pipeline()
    topics = [f"lifeline/v1/fire/T-1/X{i}/up" for i in range(100)]
    one.decode([RawMessage(topic, b'{"v":1,"seq":1,"m":{"a":1}}') for topic in topics], NOW_NS)
    one.decode([RawMessage(f"lifeline/v1/fire/T-1/{DEVICE}/up", b"\x00")], NOW_NS)

    assert 0 == one.devices.messages.sum()
    assert b"" == one.note


def test_memory_after_a_crash_knows_every_number(journal, tmp_path):
    """The file is a minute old; the notes of the journal have the rest, also of a hole that is still open."""
    one, path = pipeline(), tmp_path / "devices.bin"
    run(one, journal, [*range(61), 63, 64, 62, 70], DeviceCheckpoint(path, one.devices, journal))
    book, position = restarted(journal, path)

    assert 61 == position
    assert (7, 1, 0, 0, 70) == gaps(book) == gaps(one.devices)
    assert one.devices.sequences.holes == book.sequences.holes


def test_memory_after_a_crash_counts_no_gap_and_hides_none(journal, tmp_path):
    """What the broker kept goes on with the next number; what really never came is found."""
    one, path = pipeline(), tmp_path / "devices.bin"
    run(one, journal, range(10))
    again = pipeline()
    DeviceCheckpoint(path, again.devices, journal).load()
    run(again, journal, [9, 10, 11])
    assert (0, 0, 1, 0, 11) == gaps(again.devices)
    run(again, journal, [14])

    assert (2, 0, 1, 0, 14) == gaps(again.devices)


def test_memory_saved_lets_the_notes_go(journal, tmp_path):
    """Notes are needed until the file says the same."""
    one, path = pipeline(), tmp_path / "devices.bin"
    run(one, journal, range(5))
    assert 5 == len(journal.reader.notes(0, 100))
    DeviceCheckpoint(path, one.devices, journal).save(3)

    assert [4, 5] == [position for position, _ in journal.reader.notes(0, 100)]


@pytest.mark.parametrize("content", [b"", b"short", b"\0" * 12 + b"rubbish", b"\xff" * 400])
def test_memory_damaged_file_costs_what_it_held_only(journal, tmp_path, content):
    """Numbers are counted from the oldest note; the failure is counted."""
    one, path = pipeline(), tmp_path / "devices.bin"
    run(one, journal, [3, 5])
    path.write_bytes(content)
    book, position = restarted(journal, path)

    assert (0, (1, 0, 0, 0, 5)) == (position, gaps(book))
    assert 1 == journal.counts["device_memory_failures", "read"]


def test_memory_that_cannot_be_written_is_counted(journal, tmp_path):
    """Nothing is lost but the room of the notes."""
    one = pipeline()
    run(one, journal, [1, 2])
    DeviceCheckpoint(tmp_path / "no" / "devices.bin", one.devices, journal).save(2)

    assert 1 == journal.counts["device_memory_failures", "write"]
    assert 2 == len(journal.reader.notes(0, 100))


def test_book_of_a_city_stays_small():
    """40,000 devices take a few megabytes, in memory and in the file."""
    book = DeviceStates([f"D{i}" for i in range(40_000)])
    for device in range(40_000):
        book.seen.add(device, Mark(device, 1))
    book.take_seen(1)
    columns = sum(column.nbytes for column in book._columns().values())  # what is to be bounded

    assert columns < 4 << 20
    assert len(book.snapshot()) < 5 << 20
    assert np.all(1 == book.messages)
