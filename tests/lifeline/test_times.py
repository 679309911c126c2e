"""Bad clocks, buffers and repetition from the payload to the alarm: stored readings, evaluation, alarms."""

import json
from collections.abc import Callable, Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.batch import NOT_OF_NOW, RECEIVED_CLOCK, Quality
from collector.decoding.pipeline import Pipeline, RawMessage
from config.quantities import Quantity
from config.register import Asset, Register, Sensor
from config.settings import IntakeSettings, default_subscriptions
from rules.engine import RuleEngine
from rules.kinds.threshold import ThresholdOptions
from rules.rule import Rule, RuleSet

S = 1_000_000_000
START_S = 1_750_000_000
TOPIC = "lifeline/v1/fire/T/FT/up"
CADENCE_S = 2
HOUR_S = 3600
GOOD, BAD = 5.0, 0.0
ALWAYS = 10**9


class Program:
    """Pipeline and rules over one device; moments are seconds of true time."""

    def __init__(self, pipeline: Pipeline | None = None, reorder_s: float = 0.0) -> None:
        sensors = [Sensor("FT.p", "T", "FT", "p", "pressure", 1.0, 0.0, float(CADENCE_S), 6.0, "", reorder_s)]
        register = Register({}, {"T": Asset("T", "tower", "fire", "", "", "G", 0.0, 0.0)}, sensors, {}, [])
        quantities = {"pressure": Quantity("pressure", "", "", "", 0.0, 9.0, 99.0, 0, {}, "assumed")}
        intake = IntakeSettings(max_readings=100_000, max_payload_bytes=10_000_000)
        self.pipeline = Pipeline(register, quantities, default_subscriptions(), intake)
        if pipeline is not None:
            self.pipeline.checks.clocks.restore(pipeline.checks.clocks.snapshot())
        level = {"level": "red", "limit": 1.0, "deadband": 1.0, "on_delay_s": 4, "off_delay_s": 2, "source": "assumed"}
        low = ThresholdOptions.model_validate({"levels": [level], "side": "low"})
        rule = Rule("low", "threshold", "", "", "", "", None, (0,), low.limits(), low)
        self.engine = RuleEngine(RuleSet((rule,), "1"), register)
        self.events: list[tuple[float, int]] = []
        """(event time, level after)."""
        self.flags: list[Quality] = []
        """Bits of time of each reading, in the order of receipt."""
        self.stored: dict[int, float] = {}
        """Time to value."""

    def hear(self, received_s: float, payloads: Iterable[dict]) -> None:
        """Take in one commit."""
        raw = [RawMessage(TOPIC, json.dumps({"v": 1} | payload).encode()) for payload in payloads]
        received_ns = round((START_S + received_s) * S)
        batch, letters = self.pipeline.decode(raw, received_ns)
        assert [] == letters
        self.flags += [Quality(each) for each in (batch.quality & (RECEIVED_CLOCK | NOT_OF_NOW)).tolist()]
        self.stored.update(zip(batch.time_ns.tolist(), batch.value.tolist(), strict=True))
        events = self.engine.evaluate(batch, 1)
        self.events += [
            (float(time_ns / S - START_S), int(level))
            for time_ns, level in zip(events.time_ns, events.level_after, strict=True)
        ]


def value_at(true_s: float, *hazards: tuple[float, float]) -> float:
    """Return the value of the sensor."""
    return BAD if any(begin <= true_s < end for begin, end in hazards) else GOOD


def moment(clock_s: float, value: float) -> dict:
    """Return the payload of one reading by the device's clock."""
    return {"ts": round((START_S + clock_s) * 1000), "m": {"p": value}}


def lived(clock: Callable[[float], float] | None, until_s: int, *hazards: tuple[float, float]) -> Program:
    """Return a program after a device with this clock has lived; without a clock it sends no times."""
    program = Program()
    for true_s in range(0, until_s, CADENCE_S):
        value = value_at(true_s, *hazards)
        program.hear(true_s, [{"m": {"p": value}} if clock is None else moment(clock(true_s), value)])
    return program


def stepping(at_s: float, step_s: float) -> Callable[[float], float]:
    """Return a clock that is right until it steps."""
    return lambda true_s: true_s + (step_s if true_s >= at_s else 0.0)


HAZARD = (120, 160)
CLOCKS = {
    "40 min ahead": (stepping(0, 2400), Quality.TIME_FUTURE),
    "10 years ahead": (stepping(0, 10 * 365 * 86_400), Quality.TIME_FUTURE),
    "an hour back": (stepping(0, -HOUR_S), Quality.TIME_PAST),
    "a day back": (stepping(0, -24 * HOUR_S), Quality.TIME_PAST),
    "1970": (lambda true_s: true_s - START_S, Quality.TIME_PAST),
    "seconds for milliseconds": (lambda true_s: (START_S + true_s) / 1000 - START_S, Quality.TIME_PAST),
    "summer time begins": (stepping(60, HOUR_S), Quality.TIME_FUTURE),
    "summer time ends": (stepping(60, -HOUR_S), Quality.TIME_PAST),
    "steps back ten minutes": (stepping(60, -600), Quality.TIME_PAST),
    "steps back eight hours": (stepping(60, -8 * HOUR_S), Quality.TIME_PAST),
    "loses its battery": (lambda true_s: true_s if true_s < 60 else true_s - START_S, Quality.TIME_PAST),
}


@pytest.mark.parametrize("name", CLOCKS)
def test_wrong_clock_gives_the_alarms_of_the_received_time_with_the_flag(name):
    """Raised and ended when a device without any clock would raise and end it."""
    clock, flag = CLOCKS[name]
    program = lived(clock, 240, HAZARD)

    assert [(124.0, 5), (162.0, 0)] == lived(None, 240, HAZARD).events == program.events
    assert {flag} == set(program.flags[HAZARD[0] // CADENCE_S :])


@pytest.mark.parametrize(
    ("name", "begin_s"), [("an hour back", 0), ("summer time ends", 60), ("steps back ten minutes", 60)]
)
def test_wrong_clock_with_a_hazard_at_once_is_unseen_for_seconds_only(name, begin_s):
    """The danger begins with the wrong clock itself: it is raised as soon as the clock is proven wrong."""
    clock, _ = CLOCKS[name]
    program = lived(clock, 240, (begin_s, 200))

    assert [(begin_s + 24.0, 5), (202.0, 0)] == program.events


def test_wrong_clock_until_it_is_proven_is_stored_and_not_judged():
    """Its first readings may be a buffer's: late, each with its own time."""
    program = lived(CLOCKS["an hour back"][0], 40)

    assert [Quality.LATE] * 10 + [Quality.TIME_PAST] * 10 == program.flags
    assert [(START_S - HOUR_S + 2 * i) * S for i in range(10)] == sorted(program.stored)[:10]
    assert 10 == program.engine.counts["readings_not_judged", "not_of_now"]


def test_wrong_clock_is_reported_with_its_offset():
    """How far it is behind, and that its times are not believed."""
    clocks = lived(CLOCKS["an hour back"][0], 60).pipeline.checks.clocks

    assert (3600.0, True, 1) == (clocks.report("FT").offset_s, clocks.report("FT").is_wrong, clocks.n_wrong())


def test_wrong_clock_survives_a_restart():
    """The state of clocks is kept: no reading is late after it."""
    program = Program(lived(CLOCKS["an hour back"][0], 60).pipeline)
    program.hear(70, [moment(70 - HOUR_S, GOOD)])

    assert [Quality.TIME_PAST] == program.flags


def test_wrong_clock_that_is_put_right_is_believed_at_once():
    """The first time of now ends it."""
    program = lived(lambda true_s: true_s - HOUR_S if true_s < 100 else true_s, 240, HAZARD)

    assert [(124.0, 5), (162.0, 0)] == program.events
    assert {Quality.GOOD} == set(program.flags[50:])


@pytest.mark.parametrize("ahead_s", [30, 120, 240, 299])
def test_clock_ahead_within_the_tolerance_and_then_corrected_keeps_its_sensor_judged(ahead_s):
    """The reading is used before time has caught up with it."""
    program = lived(lambda true_s: true_s + ahead_s if true_s < 100 else true_s, 240, HAZARD)

    assert [(124.0, 5), (162.0, 0)] == program.events
    assert {Quality.GOOD} == set(program.flags)
    assert 0 == program.engine.counts["readings_not_judged", "late"]


def test_clock_ahead_within_the_tolerance_and_corrected_by_half_is_judged_by_the_received_time():
    """It is behind its own times and ahead of ours: after 20 s nothing that it says counts."""
    program = lived(lambda true_s: true_s + (240 if true_s < 60 else 120), 150, (90, 120))

    assert [(94.0, 5), (122.0, 0)] == program.events


BUFFER_S = 6 * HOUR_S
PAST = ((1000, 1400), (9000, 9500))
"""Hazards while the device was offline, over long before it came back."""


def buffer_rows(step_s: int = 10) -> list[tuple[float, float]]:
    """Return (time, value) of the buffer of six hours."""
    return [(float(t), value_at(t, *PAST)) for t in range(100, BUFFER_S, step_s)]


def at_full_speed(program: Program) -> None:
    """Upload message by message, fifty in a commit."""
    rows = buffer_rows()
    for i in range(0, len(rows), 50):
        program.hear(BUFFER_S + i / 50_000, [moment(*row) for row in rows[i : i + 50]])


def one_by_one(program: Program) -> None:
    """Upload one message in a commit, sixty times as fast as it was measured."""
    for i, row in enumerate(buffer_rows()):
        program.hear(BUFFER_S + i / 6, [moment(*row)])


def in_one_message(program: Program) -> None:
    """Upload all of it as columns in one message."""
    times, values = zip(*buffer_rows(), strict=True)
    program.hear(BUFFER_S, [{"ts": [round((START_S + t) * 1000) for t in times], "m": {"p": list(values)}}])


def newest_first(program: Program) -> None:
    """Upload all of it in one message, the newest moment first."""
    moments = [moment(*row) for row in reversed(buffer_rows())]
    program.hear(BUFFER_S, [{"r": moments}])


def backwards(program: Program) -> None:
    """Upload message by message, the newest first."""
    for i, row in enumerate(reversed(buffer_rows())):
        program.hear(BUFFER_S + i / 20, [moment(*row)])


def beside_live_readings(program: Program) -> None:
    """Upload at leisure, five times as fast as it was measured, and speak of now every two seconds."""
    for i, row in enumerate(buffer_rows()):
        program.hear(BUFFER_S + 2 * i, [moment(*row)])
        program.hear(BUFFER_S + 2 * i + 1, [moment(BUFFER_S + 2 * i + 1, GOOD)])


def a_third_faster_than_now(program: Program) -> None:
    """Upload message by message, one every 7.5 s where the device measured one every 10 s."""
    for i, row in enumerate(buffer_rows()):
        program.hear(BUFFER_S + 7.5 * i, [moment(*row)])


def twice(program: Program) -> None:
    """Upload all of it, and again."""
    at_full_speed(program)
    at_full_speed(program)


def with_a_restart(program: Program) -> None:
    """Upload half of it to a program that is then another one, with nothing in memory."""
    rows = buffer_rows()
    for i, row in enumerate(rows):
        if i == len(rows) // 2:
            program.pipeline = Program().pipeline
        program.hear(BUFFER_S + i / 100, [moment(*row)])


UPLOADS = [
    at_full_speed,
    one_by_one,
    in_one_message,
    newest_first,
    backwards,
    beside_live_readings,
    a_third_faster_than_now,
    twice,
    with_a_restart,
]


@pytest.mark.parametrize("was_known", [True, False], ids=["known", "new"])
@pytest.mark.parametrize("upload", UPLOADS, ids=lambda upload: upload.__name__)
def test_buffer_of_six_hours_is_stored_and_pages_nobody_and_a_hazard_of_now_does(upload, was_known):
    """Every point has its own time; a past danger raises no alarm; the next hazard does."""
    program = lived(float, 100) if was_known else Program()
    upload(program)
    assert [] == program.events
    now_s = BUFFER_S + 20_000
    for true_s in range(now_s, now_s + 100, CADENCE_S):
        program.hear(true_s, [moment(true_s, value_at(true_s, (now_s + 40, now_s + 60)))])
    expected = {round((START_S + t) * S): value for t, value in buffer_rows()}

    assert [(now_s + 44.0, 5), (now_s + 62.0, 0)] == program.events
    assert expected == {time_ns: program.stored[time_ns] for time_ns in expected}


def test_buffer_with_a_hazard_that_still_holds_pages_once():
    """A young reading is evaluated by its own time: the outage of the device hides no lasting danger."""
    program = lived(float, 100)
    rows = [(float(t), value_at(t, (3000, ALWAYS))) for t in range(100, BUFFER_S, 2)]
    program.hear(BUFFER_S, [moment(*row) for row in rows])

    assert [5] == [level for _, level in program.events]


def test_buffer_of_a_device_with_a_wrong_clock_pages_nobody():
    """Its clock is known to be an hour back: readings older by that clock are late, current ones are not."""
    program = lived(CLOCKS["an hour back"][0], 100)
    rows = buffer_rows()
    for i in range(0, len(rows), 50):
        program.hear(BUFFER_S + i / 50_000, [moment(t - HOUR_S, value) for t, value in rows[i : i + 50]])
    program.hear(BUFFER_S + 2, [moment(BUFFER_S + 2 - HOUR_S, GOOD)])

    assert [] == program.events
    assert Quality.TIME_PAST == program.flags[-1]
    assert {Quality.LATE} == set(program.flags[50:1000])


@settings(max_examples=30)
@given(st.randoms(use_true_random=False), st.integers(1, 4))
def test_messages_shuffled_within_a_commit_and_repeated_are_stored_as_the_clean_ones(dice, copies):
    """Stored once; whatever is judged, nothing is judged twice."""
    clean, moved = Program(), Program()
    for true_s in range(0, 60, 10):
        group = [moment(true_s + i, value_at(true_s + i, (20, 40))) for i in range(0, 10, 2)]
        clean.hear(true_s + 10, group)
        mixed = group * copies
        dice.shuffle(mixed)
        moved.hear(true_s + 10, mixed)
    refused = sum(n for (name, _), n in moved.engine.counts.items() if name == "readings_not_judged")

    assert clean.stored == moved.stored
    assert 30 * copies - refused <= 30


@settings(max_examples=30)
@given(
    st.lists(st.tuples(st.booleans(), st.lists(st.integers(0, 6), min_size=1, max_size=3)), min_size=20, max_size=40)
)
def test_messages_late_within_the_time_to_wait_and_repeated_lead_to_the_same_as_the_clean_ones(told):
    """Points and alarms are the same, however late each message is and how often it comes."""
    clean, moved = Program(reorder_s=6.0), Program(reorder_s=6.0)
    arriving: dict[int, list[dict]] = {}
    for i, (is_bad, delays_s) in enumerate(told):
        reading = moment(CADENCE_S * i, BAD if is_bad else GOOD)
        for delay_s in delays_s:
            arriving.setdefault(CADENCE_S * i + delay_s, []).insert(0, reading)
    for second in range(CADENCE_S * len(told) + 20):
        i, rest = divmod(second, CADENCE_S)
        is_told = not rest and i < len(told)
        clean.hear(second, [moment(second, BAD if told[i][0] else GOOD)] if is_told else [])
        moved.hear(second, arriving.get(second, []))

    assert clean.events == moved.events
    assert clean.stored == moved.stored


def test_message_that_tells_its_readings_newest_first_is_judged_in_their_order():
    """A hazard that only the order of times shows is raised with the time of its reading."""
    program = Program()
    program.hear(20, [{"r": [moment(t, value_at(t, (10, 20))) for t in range(18, 0, -2)]}])

    assert [(14.0, 5)] == program.events
