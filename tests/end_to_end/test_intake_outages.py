"""Brokers that stop, freeze and forget, collectors that are killed and frozen: nothing acknowledged is ever lost."""

import random
import signal
import threading
import time
from pathlib import Path

import pytest

from collector.dead_letter import DeadLetterReason
from collector.journal.sqlite import SqliteJournal
from simulators.load import send_load
from tests.end_to_end.intake_rig import (
    RunningIntake,
    fill,
    memory_mb,
    numbered,
    register,
    start_child,
    stored_numbers,
    topic,
    wait_for_number,
    wait_until,
    wait_until_running,
)

pytestmark = pytest.mark.end_to_end
LAST = 999_999_999


@pytest.fixture
def make_intake(tmp_path):
    """Return a function that makes an intake; all are stopped after the test."""
    made = []

    def make(port, **options):
        made.append(RunningIntake(tmp_path / f"intake{len(made)}", port, **options))
        return made[-1]

    yield make
    for one in made:
        one.stop()


@pytest.fixture
def child(tmp_path):
    """Return a function that starts an intake in a process; the last is killed after the test."""
    started = []

    def start(port):
        started.append(start_child(tmp_path / "child", port))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


def _stored(folder: Path):
    """Return the readings in the journal of a child that has ended."""
    journal = SqliteJournal(folder / "child" / "journal.db", register().sensor_ids, 1 << 30, 0)
    numbers, letters = stored_numbers(journal), journal.dead_letters(1_000_000)
    journal.close()
    return numbers, letters


def _finish(process, port, folder: Path, timeout_s=15.0):
    """Send a last message, wait until it is durable, and end the process as an operator would."""
    send_load("127.0.0.1", port, numbered([LAST]))
    wait_for_number(folder / "child", LAST, timeout_s)
    process.terminate()
    assert 0 == process.wait(20)


def _make_session(intake):
    """Leave a session at the broker."""
    intake.start()
    intake.end()


def test_intake_restarted_finds_the_messages_of_its_absence(mosquitto, make_intake):
    """Messages of the time without a collector are there after its start."""
    _make_session(make_intake(mosquitto.port))
    send_load("127.0.0.1", mosquitto.port, numbered(range(2000)))
    one = make_intake(mosquitto.port)
    one.run()
    one.wait_for_messages(2000)

    assert (set(range(2000)), True) == (set(one.numbers()), one.intake.status().session_present)


def test_intake_of_a_stopped_and_started_broker_comes_back_by_itself(mosquitto, make_intake, capsys):
    """An outage is one line at its start and one at its end, and messages pass again."""
    one = make_intake(mosquitto.port).start()
    capsys.readouterr()
    mosquitto.stop()
    wait_until(lambda: one.intake.counts["connects_failed", ""] >= 2)
    outage = one.intake.status().outage
    mosquitto.start()
    wait_until(lambda: one.intake.status().canary_fresh)
    send_load("127.0.0.1", mosquitto.port, numbered(range(100)))
    one.wait_for_messages(100)
    lines = [line for line in capsys.readouterr().out.splitlines() if "broker_" in line]

    assert (1, 1) == (sum("broker_lost" in line for line in lines), sum("broker_connected" in line for line in lines))
    assert ("cannot connect", "") == (outage[:14], one.intake.status().outage)


def test_intake_frozen_connection_is_noticed_by_the_canary(mosquitto, make_intake, chaos_proxy):
    """A connection that is open and carries nothing is given up and made anew."""
    proxy = chaos_proxy(mosquitto.port)
    one = make_intake(proxy.port).start()
    proxy.stall()
    wait_until(lambda: one.intake.counts["canaries_lost", ""] == 1)
    ticks = one.intake.counts["ticks", ""]
    proxy.cut()
    time.sleep(0.5)
    assert ticks == one.intake.counts["ticks", ""]
    proxy.resume()
    wait_until(lambda: one.intake.status().canary_fresh)

    assert 2 <= one.intake.status().connections


def test_intake_cut_again_and_again_loses_nothing(mosquitto, make_intake, chaos_proxy):
    """Connections reset in the middle of packets and acknowledgements cost repetitions, never messages."""
    proxy = chaos_proxy(mosquitto.port)
    one = make_intake(proxy.port).start()
    publisher = threading.Thread(
        target=send_load,
        args=("127.0.0.1", mosquitto.port, numbered(range(4000))),
        kwargs={"messages_per_s": 1000},
    )
    publisher.start()
    while publisher.is_alive():
        time.sleep(0.4)
        proxy.cut()
    wait_until(lambda: len(one.numbers()) == 4000, 20)

    assert set(range(4000)) == set(one.numbers())


def test_intake_held_message_is_not_acknowledged_on_a_later_connection(make_mosquitto, make_intake, tmp_path):
    """Packet ids start anew when a broker has forgotten us: an old one must not acknowledge a new message."""
    broker = make_mosquitto(extra="autosave_interval 0\nautosave_on_changes false")
    one = make_intake(broker.port, max_bytes=1 << 20)
    fill(one.journal)
    one.start()
    send_load("127.0.0.1", broker.port, numbered(range(11, 16)))
    wait_until(lambda: one.intake.status().journal_full)
    broker.kill()
    for store in tmp_path.glob("mosquitto0/*.db"):
        store.unlink()
    broker.start()
    wait_until(lambda: one.intake.status().connections == 2 and one.intake.status().canary_fresh)
    send_load("127.0.0.1", broker.port, numbered(range(1, 6)))
    one.journal.trim(one.journal.last_position())
    wait_until(lambda: {*range(1, 6), *range(11, 16)} <= set(one.numbers()))

    assert 5 <= one.intake.counts["acknowledgements_stale", ""]


def test_intake_full_journal_leaves_the_messages_with_the_broker(mosquitto, make_intake):
    """A full journal stops the acknowledging, a free one resumes it, and every message is there."""
    one = make_intake(mosquitto.port, max_bytes=1 << 20).start()
    send_load("127.0.0.1", mosquitto.port, numbered(range(60_000)))
    wait_until(lambda: one.intake.status().journal_full)
    stuck = one.intake.is_stuck(time.monotonic())
    numbers = set()
    deadline = time.monotonic() + 20
    while len(numbers) < 60_000 and time.monotonic() < deadline:
        last = one.journal.last_position()
        numbers |= set(one.numbers())
        one.journal.trim(last)
        time.sleep(0.2)

    assert (False, 60_000) == (stuck, len(numbers))
    assert one.intake.counts["commits_refused", "journal_full"] >= 1


def test_intake_two_with_one_client_id_say_so_and_lose_nothing(mosquitto, make_intake):
    """Two programs that throw each other out back off and report it; together they have every message."""
    both = [make_intake(mosquitto.port).start(), make_intake(mosquitto.port)]
    both[1].run()
    wait_until(lambda: any(one.intake.status().takeover_suspected for one in both), 20)
    send_load("127.0.0.1", mosquitto.port, numbered(range(500)))
    wait_until(lambda: len(both[0].numbers() | both[1].numbers()) == 500)

    assert any(one.intake.counts["takeovers_suspected", ""] for one in both)


def test_intake_killed_at_random_moments_loses_nothing_acknowledged(mosquitto, child, tmp_path):
    """However often kill -9 hits: every message published is in the journal."""
    chance = random.Random(1)  # noqa: S311 - the same moments each time
    publisher = threading.Thread(
        target=send_load,
        args=("127.0.0.1", mosquitto.port, numbered(range(12_000))),
        kwargs={"messages_per_s": 2000},
    )
    process = child(mosquitto.port)
    wait_until_running(tmp_path / "child")
    publisher.start()
    for _ in range(5):
        time.sleep(0.7 + chance.random() * 0.8)
        process.kill()
        process.wait()
        process = child(mosquitto.port)
    publisher.join()
    _finish(process, mosquitto.port, tmp_path)
    numbers, _ = _stored(tmp_path)

    assert {*range(12_000), LAST} == set(numbers)


def test_intake_frozen_longer_than_the_keep_alive_loses_nothing(mosquitto, child, tmp_path):
    """A process that was stopped until the broker gave it up goes on where it was."""
    process = child(mosquitto.port)
    wait_until_running(tmp_path / "child")
    process.send_signal(signal.SIGSTOP)
    send_load("127.0.0.1", mosquitto.port, numbered(range(5000)))
    time.sleep(9)
    process.send_signal(signal.SIGCONT)
    _finish(process, mosquitto.port, tmp_path)
    numbers, _ = _stored(tmp_path)

    assert {*range(5000), LAST} == set(numbers)


def test_intake_backlog_of_200_000_is_taken_with_bounded_memory(mosquitto, make_intake, child, tmp_path):
    """A start with a large backlog reads as much as it can store, not as much as there is."""
    _make_session(make_intake(mosquitto.port))
    send_load("127.0.0.1", mosquitto.port, numbered([*range(200_000), LAST]))
    process = child(mosquitto.port)
    wait_for_number(tmp_path / "child", LAST, 60)
    peak_mb = memory_mb(process, "VmHWM")
    process.terminate()
    process.wait(20)
    numbers, _ = _stored(tmp_path)

    assert 200_001 == len(numbers)
    assert 150 > peak_mb


def test_intake_flood_of_poison_leaves_memory_flat_and_lets_the_good_one_through(mosquitto, child, tmp_path):
    """A hundred thousand bad messages, then one good: it arrives, and memory has not grown."""
    process = child(mosquitto.port)
    wait_until_running(tmp_path / "child")
    poison = [b"", b"{", b'{"v":1,"m":{"n":NaN}}', bytes(range(256)), b'{"v":1,"m":{"n":"x"}}']
    flood = [(topic(i), poison[i % len(poison)]) for i in range(20_000)]
    send_load("127.0.0.1", mosquitto.port, flood)
    send_load("127.0.0.1", mosquitto.port, numbered([6]))
    wait_for_number(tmp_path / "child", 6, 30)
    before_mb = memory_mb(process)
    send_load("127.0.0.1", mosquitto.port, flood * 4)
    send_load("127.0.0.1", mosquitto.port, numbered([7]))
    wait_for_number(tmp_path / "child", 7, 30)
    grown_mb = memory_mb(process) - before_mb
    _finish(process, mosquitto.port, tmp_path)
    numbers, letters = _stored(tmp_path)

    assert 20 > grown_mb
    assert {DeadLetterReason.SYNTAX, DeadLetterReason.NOT_FINITE, DeadLetterReason.SCHEMA} == {
        each.reason for each in letters
    }
    assert (1, True) == (numbers[7], len(letters) > 50_000)
