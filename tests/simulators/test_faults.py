import pytest

from simulators.district import District
from simulators.faults import FlatZero, Noise, Outage, Silence, Stuck, WrongClock
from simulators.scenarios import Scenario, Span

SECOND = 10**9
START = 1_790_000_000 * SECOND
BEGIN, END = START + 10 * SECOND, START + 40 * SECOND
DEVICE = frozenset({"FT-0001"})


@pytest.fixture
def messages_with(register):
    """Return what FT-0001 sends in a minute when one fault happens to it."""

    def send(fault):
        span = Span("fault", "T-0001", "", BEGIN, END)
        district = District(register, {}, 3, (Scenario(span, (fault,), ()),))
        return [m for m in district.between(START, START + 60 * SECOND) if m.device == "FT-0001"]

    return send


def _during(messages):
    return [m for m in messages if BEGIN <= m.measured_ns < END]


def _outside(messages):
    return [m for m in messages if not BEGIN <= m.measured_ns < END]


def test_flat_zero_dead_device_reads_zero_with_standing_heartbeat(messages_with):
    """The gateway goes on publishing exact zeros; the heartbeat is that of the last live message."""
    messages = messages_with(FlatZero(DEVICE, BEGIN, END, frozenset({"pressure_kpa"})))

    last_beat = [m.values["heartbeat"] for m in messages if m.measured_ns < BEGIN][-1]
    assert [(0.0, last_beat)] * 15 == [(m.values["pressure_kpa"], m.values["heartbeat"]) for m in _during(messages)]


def test_flat_zero_over_lives_again(messages_with):
    """Behind the end pressure and heartbeat are what they would have been without the fault."""
    messages = messages_with(FlatZero(DEVICE, BEGIN, END, frozenset({"pressure_kpa"})))

    assert all(m.values["pressure_kpa"] > 200.0 and m.values["heartbeat"] == m.seq for m in _outside(messages))


def test_silence_dead_device_sends_nothing(messages_with):
    """There is no message measured during the fault, and all others are there."""
    messages = messages_with(Silence(DEVICE, BEGIN, END))

    assert [] == _during(messages)
    assert 15 == len(_outside(messages))


def test_outage_buffer_is_uploaded_in_order_when_the_link_is_back(messages_with):
    """Nothing is sent during the outage, everything behind it, in order of measurement and none missing."""
    messages = messages_with(Outage(DEVICE, BEGIN, END))

    assert not any(BEGIN <= m.sent_ns < END for m in messages)
    assert list(range(messages[0].seq, messages[0].seq + 30)) == [m.seq for m in messages]
    assert all(END < m.sent_ns < END + SECOND for m in _during(messages))


def test_stuck_value_stands_while_the_heartbeat_counts(messages_with):
    """One value repeats; the device is alive."""
    messages = messages_with(Stuck(DEVICE, BEGIN, END, "pressure_kpa"))

    assert 1 == len({m.values["pressure_kpa"] for m in _during(messages)})
    assert 15 == len({m.values["heartbeat"] for m in _during(messages)})


def test_noise_added_is_large_only_during_the_fault(messages_with):
    """The values spread by the given sigma during the fault and not outside it."""
    messages = messages_with(Noise(DEVICE, BEGIN, END, "pressure_kpa", sigma=0.05))

    spread = {
        name: max(v) - min(v)
        for name, v in [
            ("during", [m.values["pressure_kpa"] for m in _during(messages)]),
            ("outside", [m.values["pressure_kpa"] for m in _outside(messages)]),
        ]
    }
    assert spread["during"] > 80.0
    assert spread["outside"] < 10.0


@pytest.mark.parametrize("ahead_s", [2400, -3600])
def test_wrong_clock_tells_other_times_and_sends_the_same(messages_with, ahead_s):
    """Only the time in the payload is another; when and what it sends is not."""
    right, wrong = messages_with(Silence(DEVICE, 0, 1)), messages_with(WrongClock(DEVICE, BEGIN, END, ahead_s * SECOND))
    told = [m.measured_ns - (ahead_s * SECOND if BEGIN <= m.sent_ns < END else 0) for m in wrong]

    assert [m.measured_ns for m in right] == told
    assert [(m.sent_ns, m.values) for m in right] == [(m.sent_ns, m.values) for m in wrong]
