from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from collector.dead_letter import DeadLetterReason
from collector.intake.group_commit import QUIET_MESSAGES, GroupCommit
from collector.journal.sqlite import SqliteJournal
from config.settings import IntakeSettings
from tests.collector.registers import NOW_NS, TOPIC, RawMessage, message, pipeline, register


@pytest.fixture
def journal(tmp_path: Path):
    """Return a journal of at most 1 MiB."""
    journal = SqliteJournal(tmp_path / "journal.db", register().sensor_ids, 1 << 20, 0)
    yield journal
    journal.close()


def group_commit(journal: SqliteJournal) -> GroupCommit:
    """Return a group commit of at most 20 messages or 5 ms."""
    return GroupCommit(pipeline(), journal, IntakeSettings(commit_messages=20), Counter())


def received(mid: int, raw: RawMessage | None = None, qos: int = 1) -> RawMessage:
    """Return a good message of connection 1, or `raw`."""
    return replace(raw or message({"heartbeat": mid}), packet_id=mid, qos=qos, epoch=1)


def fill(journal: SqliteJournal) -> None:
    """Append until the journal is full."""
    commits = group_commit(journal)
    while not commits.is_held:
        commits.pending += [received(i) for i in range(20)]
        commits.commit(0.0, NOW_NS)


def test_commit_of_pending_messages_is_in_the_journal_when_it_returns(journal):
    """What commit returns for acknowledgement is already durable, in order."""
    commits = group_commit(journal)
    commits.pending += [received(1), received(2)]

    assert [1, 2] == [each.packet_id for each in commits.commit(0.0, NOW_NS)]
    [entry] = journal.read(0, 10)
    assert ([1.0, 2.0], NOW_NS) == (entry.batch.value.tolist(), entry.batch.received_ns)


def test_commit_of_bad_messages_keeps_them_and_lets_them_be_acknowledged(journal):
    """A dead letter is stored in the same commit, and the broker need not repeat it."""
    commits = group_commit(journal)
    commits.pending += [received(1), received(2, RawMessage(TOPIC, b"{"))]

    assert [1, 2] == [each.packet_id for each in commits.commit(0.0, NOW_NS)]
    assert [DeadLetterReason.SYNTAX] == [letter.reason for letter in journal.dead_letters(10)]


def test_commit_of_a_canary_alone_writes_nothing(journal):
    """Our own canary is acknowledged in its turn and never stored."""
    commits = group_commit(journal)
    commits.pending.append(RawMessage("", b"", packet_id=7, qos=1, epoch=1, is_canary=True))

    assert [7] == [each.packet_id for each in commits.commit(0.0, NOW_NS)]
    assert [] == journal.read(0, 10)


def test_commit_of_a_qos_2_message_refuses_it_with_counter_and_letter(journal):
    """QoS 2 can only come from an old subscription: the message is kept aside, not read."""
    commits = group_commit(journal)
    commits.pending.append(received(1, qos=2))
    commits.commit(0.0, NOW_NS)

    [letter] = journal.dead_letters(10)
    assert (DeadLetterReason.TOPIC, 1) == (letter.reason, commits._counts["messages_refused", "qos_2"])


def test_commit_on_a_full_journal_acknowledges_nothing_and_keeps_everything(journal):
    """A full journal holds the commit; nothing may be acknowledged, nothing is forgotten."""
    fill(journal)
    commits = group_commit(journal)
    commits.pending += [received(1), received(2)]

    assert [] == commits.commit(0.0, NOW_NS)
    assert (True, 1) == (commits.is_held, commits._counts["commits_refused", "journal_full"])


def test_commit_held_is_tried_each_second_and_goes_first(journal):
    """When there is room again, the held messages are written before those that came later."""
    fill(journal)
    commits = group_commit(journal)
    commits.pending.append(received(1))
    commits.commit(0.0, NOW_NS)
    commits.pending.append(received(2))

    assert (False, True) == (commits.is_due(0.5, quiet=True), commits.is_due(1.0, quiet=True))
    journal.trim(journal.last_position())
    assert [1] == [each.packet_id for each in commits.commit(1.0, NOW_NS)]
    assert [2] == [each.packet_id for each in commits.commit(1.0, NOW_NS)]


def test_room_while_held_is_one_more_commit(journal):
    """Behind a held commit one more fits; then reading stops and the broker keeps the rest."""
    fill(journal)
    commits = group_commit(journal)
    commits.pending.append(received(1))
    commits.commit(0.0, NOW_NS)
    before = commits.room
    commits.pending += [received(i) for i in range(20)]

    assert (20, 0) == (before, commits.room)


@pytest.mark.parametrize(
    ("n_messages", "age_s", "quiet", "expected"),
    [
        (0, 1.0, True, False),
        (1, 0.0, True, False),
        (1, 0.0049, True, False),
        (1, 0.0051, False, True),
        (QUIET_MESSAGES - 1, 0.001, True, False),
        (QUIET_MESSAGES, 0.001, True, True),
        (QUIET_MESSAGES, 0.001, False, False),
        (20, 0.0, False, True),
    ],
)
def test_commit_is_due_by_size_age_or_silence(journal, n_messages, age_s, quiet, expected):
    """A commit waits for 500 messages (20 here) or 5 ms, or until the broker falls silent behind its window."""
    commits = group_commit(journal)
    commits.pending += [received(i) for i in range(n_messages)]
    commits.patience_s(100.0, 0.1)

    assert expected == commits.is_due(100.0 + age_s, quiet=quiet)


def test_tick_writes_an_empty_batch(journal):
    """A tick moves the clock of the rules and carries no reading."""
    commits = group_commit(journal)
    commits.tick(5.0, NOW_NS)

    [entry] = journal.read(0, 10)
    assert (0, NOW_NS, 5.0) == (len(entry.batch), entry.batch.received_ns, commits.appended_s)


def test_tick_on_a_full_journal_is_counted_and_let_go(journal):
    """A clock that cannot be written is no reason to stop."""
    fill(journal)
    commits = group_commit(journal)
    commits.tick(5.0, NOW_NS)

    assert 1 == commits._counts["ticks_refused", "journal_full"]


def test_counts_of_flags_are_per_reason(journal):
    """Messages, readings and flags are counted once a commit."""
    commits = group_commit(journal)
    commits.pending += [received(1, message({"heartbeat": -5, "pressure_kpa": 1}, ts=None))]
    commits.commit(0.0, NOW_NS)

    expected = {
        ("commits", ""): 1,
        ("messages", ""): 1,
        ("readings", ""): 2,
        ("readings_flagged", "out_of_range"): 1,
        ("readings_flagged", "time_server"): 2,
    }
    assert expected == +commits._counts
