"""The whole program with a failing or hanging disk, a hanging database, and a clock that jumps."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from collector.journal.reader import JournalReader
from simulators.district import District
from simulators.load import send_load
from simulators.message import DeviceMessage
from simulators.player import Player
from simulators.publisher import Publisher
from simulators.scenarios import make_scenario
from simulators.sms import Sms
from simulators.sms_gateway import SmsGateway
from tests.end_to_end.city import Points, city_messages, embedded_points, published_points, sent, write_district
from tests.end_to_end.mqtt_trace import TRACER, steps
from tests.end_to_end.story_rig import CountingPublisher
from tests.services.mosquitto import Mosquitto
from tests.services.process import find_programs
from tests.services.program import Program

pytestmark = pytest.mark.end_to_end


@pytest.fixture
def strace() -> str:
    """Return the path of strace, which injects faults into system calls."""
    [program] = find_programs("strace")
    return program


@pytest.fixture
def district(tmp_path: Path) -> Path:
    """Return the folder of a demo district that is never silent."""
    return write_district(tmp_path / "district")


def _under(program: Program, *tracer: str) -> list[str]:
    """Let the next start of `program` run under `tracer`; returns the plain command."""
    plain = program.process.command
    program.process.command = [*tracer, *plain]
    return plain


def _journal_wal(program: Program) -> str:
    return f"{program.configuration.settings.journal.path}-wal"


def _publishing(broker: Mosquitto, messages: list[DeviceMessage], messages_per_s: float) -> threading.Thread:
    """Publish in the background at a steady rate."""
    thread = threading.Thread(
        target=send_load, args=(broker.host, broker.port, sent(messages)), kwargs={"messages_per_s": messages_per_s}
    )
    thread.start()
    return thread


def _wait_for_end(program: Program, timeout_s: float) -> int:
    """Return the exit code of a program that ends by itself."""
    deadline_s = time.monotonic() + timeout_s
    while program.process.is_running():
        assert time.monotonic() < deadline_s, program.log_tail()
        time.sleep(0.05)
    code = program.process._process.returncode
    program.kill()
    return code


def _finish(program: Program, expected: Points) -> None:
    """Wait until every point is in the journal and everybody has read it, and stop as an operator would."""
    settings, register = program.configuration.settings, program.configuration.register
    reader, position, found = JournalReader(settings.journal.path, register.sensor_ids), 0, set()

    def has_come() -> bool:
        nonlocal position
        for entry in reader.read(position, 1000):
            position = entry.position
            names = (register.sensor_ids[sensor] for sensor in entry.batch.sensor)
            found.update(zip(names, entry.batch.time_ns.tolist(), strict=True))
        return expected.keys() <= found

    program.wait_until(has_come, 60)
    reader.close()
    program.wait_until(program.is_idle, 60)
    assert 0 == program.stop()


def _events(program: Program, name: str, begin: int = 0) -> list[dict]:
    # strace may add lines of its own
    lines = program.process.log.read_text().splitlines() if program.process.log.exists() else []
    events = [json.loads(line) for line in lines[begin:] if line.startswith("{")]
    return [line for line in events if line["event"] == name]


def _alarms(program: Program) -> list[str]:
    return [line["alarm"] for line in _events(program, "self_alarm_began")]


class Living:
    """The devices of a district, sending in real time; scenarios begin when the test says."""

    def __init__(self, program: Program, broker: Mosquitto) -> None:
        """Start sending."""
        self.register = program.configuration.register
        self._publisher = Publisher(broker.host, broker.port)
        self.counting = CountingPublisher(self._publisher)
        self._player = Player(self.counting, District(self.register, program.configuration.quantities, seed=1))
        self._publisher.start()
        self._player.start()

    def play(self, name: str, asset: str) -> int:
        """Let a scenario begin at `asset` in a second; returns when, UTC nanoseconds."""
        begin_ns = time.time_ns() + 10**9
        scenario = make_scenario(name, self.register, begin_ns, asset=asset, duration_s=600.0)
        self._player.district = self._player.district.with_scenarios(scenario)
        return begin_ns

    def stop(self) -> int:
        """Send the rest; returns how many distinct readings were published."""
        self._player.stop()
        assert self._publisher.drain(60)
        self._publisher.stop()
        return len(self.counting.readings)


@pytest.fixture
def living(mosquitto: Mosquitto) -> Iterator[Callable[[Program], Living]]:
    """Return a function that lets the devices of a program's district live until the end of the test."""
    made: list[Living] = []

    def live(program: Program) -> Living:
        """Return a district that sends."""
        made.append(Living(program, mosquitto))
        return made[-1]

    yield live
    for each in made:
        each.stop()


def _about(gateway: SmsGateway, name: str) -> list[Sms]:
    return [each for each in gateway.inbox() if name in each.text]


def test_program_acknowledges_nothing_that_its_own_thread_has_not_synced(
    make_program, mosquitto, district, strace, tmp_path
):
    """Between the arrival of each message and its PUBACK lies a sync of the journal, by the same thread."""
    program = make_program(district=str(district))
    trace = tmp_path / "trace"
    _under(program, strace, *TRACER, "-o", str(trace))
    program.start()
    messages = city_messages(district, 600, seed=27)
    _publishing(mosquitto, messages, 300).join(60)
    program.wait_until(lambda: program.metrics()["messages_total", ""] >= 600, 60)
    program.stop()
    waiting: set[int] = set()
    synced: set[int] = set()
    early, acknowledged = [], 0
    for what, packet in steps(trace):
        if what == "received":
            waiting.add(packet)
            synced.discard(packet)
        elif what == "synced":
            synced |= waiting
            waiting.clear()
        elif packet in waiting:
            early.append(packet)
        else:
            acknowledged += packet in synced
            synced.discard(packet)

    assert ([], 600) == (early, acknowledged)


def test_program_whose_journal_cannot_sync_ends_and_its_restart_has_everything(
    make_program, mosquitto, district, strace
):
    """One EIO ends the program with 1; the next start finds the acknowledged messages; the broker sends the rest."""
    program = make_program(district=str(district))
    fault = ("-f", "-qq", "-P", _journal_wal(program), "-e", "trace=fdatasync")
    plain = _under(program, strace, *fault, "-e", "inject=fdatasync:error=EIO:when=40+", "-o", "/dev/null")
    program.start()
    messages = city_messages(district, 4000, seed=29)
    publishing = _publishing(mosquitto, messages, 1000)
    code = _wait_for_end(program, 60)
    program.process.command = plain
    begin = len(program.process.log.read_text().splitlines())
    program.start()
    publishing.join(60)
    expected = published_points(messages, program.configuration.register)
    _finish(program, expected)

    assert 1 == code
    assert 1 == len(_events(program, "journal_broken"))
    assert [] == _events(program, "session_lost", begin)
    assert expected == _stored(program)


def _stored(program: Program) -> Points:
    configuration = program.configuration
    return embedded_points(configuration.settings, configuration.register)


def test_program_whose_disk_hangs_ends_and_its_restart_has_everything(make_program, mosquitto, district, strace):
    """A sync that never returns stops the loop of the intake: the watchdog ends the program within half a minute."""
    program = make_program(district=str(district))
    fault = ("-f", "-qq", "-P", _journal_wal(program), "-e", "trace=fdatasync")
    plain = _under(program, strace, *fault, "-e", "inject=fdatasync:delay_enter=600000000:when=40+", "-o", "/dev/null")
    program.start()
    messages = city_messages(district, 2000, seed=20)
    publishing = _publishing(mosquitto, messages, 1000)
    program.wait_until(lambda: _events(program, "threads_left"), 90)
    program.kill()  # no process ends while one of its threads hangs in the kernel: systemd does the same after 30 s
    alarms = _alarms(program)
    program.process.command = plain
    program.start()
    publishing.join(60)
    expected = published_points(messages, program.configuration.register)
    _finish(program, expected)

    assert ["journal_hangs", "intake_stuck"] == alarms
    assert expected == _stored(program)


@pytest.mark.parametrize("jump_s", [3600, -3600])
def test_program_whose_clock_jumps_an_hour_warns_all_the_same(make_program, sms_gateway, living, tmp_path, jump_s):
    """The machine's clock is set an hour on or back: a hazard message is sent, and no sensor is silent."""
    program = make_program()
    offset = tmp_path / "offset"
    offset.write_text("0")
    _under(program, "env", *_faked_clock(tmp_path / "clock", offset))
    program.start()
    district = living(program)
    program.wait_until(lambda: program.metrics()["sensors", "alive"] > 40, 30)
    offset.write_text(str(jump_s))
    district.play("zero_pressure", "T-0001")
    program.wait_until(lambda: len(_about(sms_gateway, "翡翠苑1号楼")) == 3, 40)
    offset.write_text("0")
    district.play("zero_pressure", "T-0002")
    program.wait_until(lambda: len(_about(sms_gateway, "翡翠苑2号楼")) == 3, 40)

    assert 6 == len(sms_gateway.inbox())
    assert 0 == program.metrics()["sensors", "blind"]
    assert 0 == program.stop()


CLOCK = """
import time

real_s, real_ns = time.time, time.time_ns


def offset_s():
    with open({offset!r}) as file:
        return int(file.read() or 0)


time.time = lambda: real_s() + offset_s()
time.time_ns = lambda: real_ns() + offset_s() * 10**9
"""
"""Python runs this before the program. A file says at any moment how far its wall clock is off; other clocks are right.
libfaketime 0.9.10 also breaks waits on the monotonic clock, which no administrator can."""


def _faked_clock(folder: Path, offset: Path) -> list[str]:
    """Return the environment in which the wall clock is off by the seconds in `offset`."""
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(CLOCK.format(offset=str(offset)))
    return [f"PYTHONPATH={folder}"]


def test_program_beside_a_hung_database_warns_as_fast_as_ever_and_loses_no_point(
    make_program, sms_gateway, influxdb, living
):
    """InfluxDB that accepts and never answers delays no warning; after it woke up every point is there."""
    history = {"kind": "influxdb", "url": influxdb.url, "database": influxdb.database, "timeout_s": 2}
    program = make_program(history=history)
    program.start()
    district = living(program)
    program.wait_until(lambda: influxdb.count() > 0, 30)
    influxdb.process.pause()
    begin_ns = district.play("zero_pressure", "T-0001")
    program.wait_until(lambda: len(_about(sms_gateway, "翡翠苑1号楼")) == 3, 40)
    time.sleep(10)
    influxdb.process.resume()
    told_ns = [each.received_ns for each in _about(sms_gateway, "翡翠苑1号楼")]
    published = district.stop()
    program.wait_until(lambda: influxdb.count() >= published, 60)
    # one cadence to the first zero, the on-delay rounded up to the cadence, and one cadence for its heartbeat
    due_ns = begin_ns + (2 + 10 + 2) * 10**9

    assert [True] * 3 == [each < due_ns + 5 * 10**9 for each in told_ns]
    assert published == influxdb.count()
    assert 1 == len(_events(program, "history_unavailable")) == len(_events(program, "history_available"))


def test_program_whose_ledger_hangs_says_so_and_tells_everybody_after(
    make_program, sms_gateway, postgresql, postgres_url, living
):
    """PostgreSQL that accepts and never answers is no quiet district: the program says so, and catches up."""
    program = make_program(ledger={"url": postgres_url})
    program.start()
    district = living(program)
    program.wait_until(lambda: program.metrics()["sensors", "alive"] > 40, 30)
    try:
        postgresql.pause()
        district.play("zero_pressure", "T-0001")
        deadline_s = time.monotonic() + 100
        while program.process.is_running() and not _events(program, "ledger_away") and time.monotonic() < deadline_s:
            time.sleep(0.1)
    finally:
        postgresql.resume()
    # whoever waits in an old connection ends the program, whoever opens a new one waits for the ledger
    alarms, has_ended = _alarms(program), not program.process.is_running()
    if has_ended:
        program.start()
    program.wait_until(lambda: len(_about(sms_gateway, "翡翠苑1号楼")) == 3, 60)

    assert (["ledger_hangs"], has_ended) == (alarms[:1], "rules_stuck" in alarms)


def test_program_with_a_full_journal_says_so_and_loses_nothing(make_program, mosquitto, influxdb):
    """While the history is away the journal fills: the program says so, stops acknowledging, and goes on with all."""
    history = {"kind": "influxdb", "url": influxdb.url, "database": influxdb.database}
    program = make_program(history=history, journal={"max_mb": 16, "ballast_mb": 1})
    program.start()
    influxdb.stop()
    sent_ms = time.time_ns() // 1_000_000 - 3_600_000
    n_messages = 1000
    batches = [("lifeline/v1/bridge/B-0001/BR-0001-S/up", _columns(sent_ms + 1000 * i)) for i in range(n_messages)]
    send_load(mosquitto.host, mosquitto.port, batches)
    program.wait_until(lambda: program.metrics()["self_alarm", "journal_full"], 60)
    held = program.metrics()["messages_total", ""]
    influxdb.start()
    program.wait_until(lambda: program.metrics()["messages_total", ""] >= n_messages, 90)
    program.wait_until(program.is_idle, 60)
    program.wait_until(lambda: not program.metrics()["self_alarm", "journal_full"], 30)

    assert held < n_messages
    assert 1000 * n_messages == influxdb.count()


def _columns(begin_ms: int) -> bytes:
    """Return a message of 1,000 readings, one a millisecond."""
    body = {"v": 1, "id": str(begin_ms), "ts": list(range(begin_ms, begin_ms + 1000)), "m": {"strain_1": [1.0] * 1000}}
    return json.dumps(body).encode()
