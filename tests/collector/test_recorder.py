"""The recorder carries every entry into the history once it can, and never gives one up."""

import threading

import pytest
from structlog.testing import capture_logs

from collector import recorder as module
from collector.batch import make_batch, tick
from collector.dead_letter import DeadLetter, DeadLetterReason
from collector.history import HistoryUnavailableError
from collector.journal.sqlite import SqliteJournal
from collector.recorder import Recorder


class MemoryHistory:
    """Keeps what it is given; refuses and fails as it is told."""

    def __init__(self):
        self.points = {}
        self.writes = []
        self.failures = []
        self.refuse = set()
        self.seen = threading.Condition()

    def write(self, batches):
        """Store, or do what the test asked for."""
        batches = list(batches)
        with self.seen:
            self.writes.append(batches)
            self.seen.notify_all()
            if self.failures:
                raise self.failures.pop(0)
            rows = [
                (batch.received_ns, *row)
                for batch in batches
                for row in zip(batch.sensor.tolist(), batch.time_ns.tolist(), batch.value.tolist(), strict=True)
            ]
            self.points.update({(sensor, time): value for _, sensor, time, value in rows})
            return [
                DeadLetter(received_ns, "history/a", b"line", DeadLetterReason.HISTORY_REJECTED, "too old")
                for received_ns, _, time, _ in rows
                if time in self.refuse
            ]

    def read(self, sensor, start_ns, end_ns, step_ns=0):
        """Never asked by a recorder."""
        raise NotImplementedError


@pytest.fixture
def journal(tmp_path):
    """Return an open journal of one sensor."""
    journal = SqliteJournal(tmp_path / "journal.db", ("a",), 64 << 20, 0)
    yield journal
    journal.close()


@pytest.fixture(autouse=True)
def no_patience(monkeypatch):
    """Let back-off and lingering take no time; the order of events stays."""
    for name in ("_LINGER_S", "_FIRST_BACK_OFF_S", "_MAX_BACK_OFF_S", "_MAX_RETRY_AFTER_S"):
        monkeypatch.setattr(module, name, 0.001)


def _batch(i, n=1):
    return make_batch(i, [0] * n, [i * 1000 + k for k in range(n)], [float(i)] * n, [0] * n)


def _carry_all(recorder, journal):
    """Run the recorder until it has carried everything, then stop it."""
    thread = threading.Thread(target=recorder.run)
    thread.start()
    while recorder.status().lag:
        thread.join(0.005)
    recorder.stop()
    thread.join(30)
    assert not thread.is_alive()
    assert journal.cursor("recorder") == recorder.status().position


def test_run_carries_every_entry_in_groups_of_about_batch_readings(journal):
    """Groups hold whole entries, at most `batch_readings` unless one entry alone is larger."""
    journal.append([_batch(1, 3), _batch(2, 3), tick(3), _batch(4, 9), _batch(5, 1)])
    history = MemoryHistory()
    _carry_all(recorder := Recorder(journal, history, 6), journal)

    assert [[3, 3, 0], [9], [1]] == [[len(batch) for batch in batches] for batches in history.writes]
    assert (16, 16) == (len(history.points), recorder.counts["recorded_readings", ""])


def test_run_outage_repeats_the_identical_batches_and_logs_it_once(journal):
    """While the history is away the same group is written again; one line says when it began, one when it ended."""
    journal.append([_batch(1), _batch(2)])
    history = MemoryHistory()
    history.failures = [HistoryUnavailableError("down", 5.0) for _ in range(4)]
    recorder = Recorder(journal, history, 100)
    with capture_logs() as logs:
        _carry_all(recorder, journal)

    assert [[1, 2]] * 5 == [[batch.received_ns for batch in batches] for batches in history.writes]
    assert ["history_unavailable", "history_available"] == [line["event"] for line in logs]
    assert (4, "") == (recorder.counts["history_retries", ""], recorder.status().outage)


def test_run_refused_points_become_dead_letters_and_the_rest_goes_on(journal):
    """A point that the history never takes is kept in the journal's dead letters with its reason."""
    journal.append([_batch(1), _batch(2), _batch(3)])
    history = MemoryHistory()
    history.refuse = {2000}
    _carry_all(recorder := Recorder(journal, history, 100), journal)
    [letter] = journal.dead_letters(9)

    assert ("too old", DeadLetterReason.HISTORY_REJECTED, 2) == (letter.detail, letter.reason, letter.received_ns)
    assert 2 == recorder.counts["recorded_readings", ""]


def test_run_after_a_restart_goes_on_behind_its_cursor(journal):
    """What is recorded is not read again."""
    journal.append([_batch(1)])
    _carry_all(Recorder(journal, MemoryHistory(), 100), journal)
    journal.append([_batch(2)])
    history = MemoryHistory()
    _carry_all(Recorder(journal, history, 100), journal)

    assert [[2]] == [[batch.received_ns for batch in batches] for batches in history.writes]


def test_stop_during_an_outage_ends_and_keeps_the_cursor(journal, monkeypatch):
    """A stop does not wait for the history; what is not written stays in the journal."""
    monkeypatch.setattr(module, "_FIRST_BACK_OFF_S", 60.0)
    monkeypatch.setattr(module, "_MAX_BACK_OFF_S", 60.0)
    journal.append([_batch(1)])
    history = MemoryHistory()
    history.failures = [HistoryUnavailableError("down")]
    recorder = Recorder(journal, history, 100)
    thread = threading.Thread(target=recorder.run)
    thread.start()
    with history.seen:
        history.seen.wait_for(lambda: history.writes, 30)
    recorder.stop()
    thread.join(30)

    assert (False, 0, 1) == (thread.is_alive(), journal.cursor("recorder"), recorder.status().lag)


@pytest.mark.parametrize(
    ("failures", "asked_s", "low", "high"), [(0, None, 0.5, 1), (9, None, 15, 30), (0, 45.0, 45, 45)]
)
def test_back_off_grows_to_half_a_minute_and_honours_the_server(journal, monkeypatch, failures, asked_s, low, high):
    """1 to 30 s with jitter, never before the server's own time."""
    monkeypatch.undo()
    recorder = Recorder(journal, MemoryHistory(), 100)
    recorder._failures = failures
    waited = []
    recorder._stopping = type("Stopping", (), {"wait": lambda _, delay_s: waited.append(delay_s)})()
    recorder._back_off("down", asked_s)

    assert low <= waited[0] <= high
