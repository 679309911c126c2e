"""Sparkplug's births, data, deaths and gaps, one message after the other, and what is asked of edge nodes."""

import doctest
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.dead_letter import DeadLetterReason
from collector.payload import NO_TIME, PayloadError
from collector.wire import sparkplug_session as module
from collector.wire.sparkplug_messages import Message, Metric, ValueType, decode_payload
from collector.wire.sparkplug_session import REBIRTH_S, SparkplugSessions, speaker_of

CHANNELS = {"G:E": {"online", "load"}, "G:E:D": {"online", "p"}, "G:E:D2": {"online"}, "FT-1": {"p"}}
MS = 1_486_144_502_122
KINDS = ["NBIRTH", "DBIRTH", "NDATA", "DDATA", "NDEATH", "DDEATH", "NCMD"]


class Talk:
    """The sessions of a small register, and an edge node that counts its messages."""

    def __init__(self):
        self.counts = Counter()
        self.sessions = SparkplugSessions(CHANNELS, self.counts)
        self.seq = 0

    def send(self, kind, *metrics, device="D", edge="E", seq=None, most=100):
        """Return (device, channel, value, time in ms or None) of each reading of one message."""
        fields = {"group_id": "G", "message_type": kind, "edge_node_id": edge}
        fields |= {} if kind.startswith("N") else {"device_id": device}
        counted = None if kind == "NDEATH" else self.seq if seq is None else seq
        self.seq += kind != "NDEATH"
        message = Message(timestamp_ms=MS, seq=counted, metrics=list(metrics))
        columns = self.sessions.take(message, speaker_of(fields), most)
        times = [None if each == NO_TIME else each // 1_000_000 for each in columns.time_ns]
        return list(zip(columns.device, columns.channel, columns.value, times, strict=True))

    def be_born(self, bd_seq=3):
        """Send both births; the pressure has alias 1."""
        self.seq = 0
        return [
            *self.send("NBIRTH", Metric(name="bdSeq", datatype=4, value=bd_seq, is_whole=True)),
            *self.send("DBIRTH", pressure(1.5, name="p", datatype=ValueType.DOUBLE), Metric(name="make", value="Sony")),
        ]

    def asked(self, now_s=0.0):
        """Return the topics of the requests that are due."""
        return [each.topic for each in self.sessions.requests(now_s, MS * 1_000_000)]


@pytest.fixture
def talk():
    """Return an edge node that was born."""
    talk = Talk()
    talk.be_born()
    talk.counts.clear()
    return talk


def pressure(value, *, name="", datatype=0, **more):
    """Return the device's pressure, by alias where it has no name."""
    return Metric(name=name, alias=1, datatype=datatype, value=value, **more)


def number(bd_seq):
    """Return the number of a connection."""
    return Metric(name="bdSeq", datatype=4, value=bd_seq, is_whole=True)


def test_module_example_runs_as_printed():
    """The example of a word is true."""
    assert 0 == doctest.testmod(module).failed


def test_session_birth_is_online_and_its_registered_metrics():
    """Online comes first, at the received time; metrics that nobody registered are announced only."""
    assert [
        ("G:E", "online", 1.0, None),
        ("G:E:D", "online", 1.0, None),
        ("G:E:D", "p", 1.5, MS),
    ] == Talk().be_born()


def test_session_birth_values_are_of_the_birth_not_of_their_last_change(talk):
    """A value reported by exception may be hours old and is still the value of now."""
    rows = talk.send("DBIRTH", pressure(1.5, name="p", datatype=10, timestamp_ms=5))

    assert ("G:E:D", "p", 1.5, MS) == rows[-1]


@pytest.mark.parametrize("metric", [pressure(2.5), pressure(2.5, name="p"), Metric(name="p", datatype=9, value=2.5)])
def test_session_data_by_alias_or_name_are_read(talk, metric):
    """The birth explains the alias; a name explains itself."""
    metric.timestamp_ms = MS + 7

    assert [("G:E:D", "p", 2.5, MS + 7)] == talk.send("DDATA", metric)
    assert [] == talk.asked()


def test_session_data_whose_type_only_the_birth_knows_are_read():
    """A signed number travels unsigned, and data need not repeat its type."""
    talk = Talk()
    talk.send("NBIRTH", number(0), Metric(name="load", alias=9, datatype=3, value=1, is_whole=True))

    assert [("G:E", "load", -2.0, MS)] == talk.send("NDATA", Metric(alias=9, value=2**32 - 2, is_whole=True))


def test_session_null_is_missing_and_no_number_is_told(talk):
    """No value is no reading; a text or NaN where a number belongs is left out and noted."""
    fields = {"group_id": "G", "message_type": "DDATA", "edge_node_id": "E", "device_id": "D"}
    metrics = [pressure(None, is_null=True), pressure(float("nan")), Metric(name="p", datatype=12, value="x")]
    columns = talk.sessions.take(Message(seq=2, metrics=metrics), speaker_of(fields), 100)

    assert ([], [("G:E:D", "p")] * 2, 1) == (columns.value, columns.left_out, talk.counts["sparkplug_sessions", "null"])


def test_session_metric_named_online_is_no_word_about_the_device(talk):
    """Only births and deaths tell who is there."""
    assert [] == talk.send("DDATA", Metric(name="online", datatype=11, value=1))


def test_session_node_death_ends_all_devices_of_the_node_at_the_received_time(talk):
    """A will was written at the connection: its own time says nothing."""
    gone = talk.send("NDEATH", number(3))

    assert [("G:E", "online", 0.0, None), ("G:E:D", "online", 0.0, None), ("G:E:D2", "online", 0.0, None)] == gone


def test_session_device_death_ends_that_device(talk):
    """Its aliases are forgotten, those of others are not."""
    assert [("G:E:D", "online", 0.0, None)] == talk.send("DDEATH")
    with pytest.raises(PayloadError, match="alias 1"):
        talk.send("DDATA", pressure(2.5))


@pytest.mark.parametrize(("born", "died", "counts"), [(3, 3, True), (3, 2, False), (0, 255, False), (3, 4, True)])
def test_session_death_of_an_earlier_connection_is_superseded(born, died, counts):
    """The broker may tell of an old connection's end after the new birth; any other death is believed."""
    talk = Talk()
    talk.be_born(born)
    if counts:
        assert talk.send("NDEATH", number(died))
        return
    with pytest.raises(PayloadError) as caught:
        talk.send("NDEATH", number(died))

    assert DeadLetterReason.SESSION == caught.value.reason


@pytest.mark.parametrize(("seq", "asked"), [(2, []), (3, ["spBv1.0/G/NCMD/E"]), (1, ["spBv1.0/G/NCMD/E"])])
def test_session_gap_in_the_sequence_is_read_and_asks_for_a_rebirth(talk, seq, asked):
    """What came is kept; what is missing is asked for."""
    assert (1, asked) == (len(talk.send("DDATA", pressure(2.5), seq=seq)), talk.asked())


def test_session_sequence_goes_round(talk):
    """0 follows 255."""
    for seq in [*range(2, 256), 0, 1]:
        talk.send("DDATA", pressure(2.5), seq=seq)

    assert [] == talk.asked()


def test_session_alias_before_any_birth_is_refused_and_a_rebirth_asked_for():
    """As after a restart; a name is still read."""
    talk = Talk()
    with pytest.raises(PayloadError) as caught:
        talk.send("DDATA", pressure(2.5))

    assert (DeadLetterReason.SESSION, ["spBv1.0/G/NCMD/E"]) == (caught.value.reason, talk.asked())
    assert [("G:E:D", "p", 2.5, MS)] == talk.send("DDATA", pressure(2.5, name="p", datatype=10))


def test_session_requests_are_few_and_say_what_the_specification_wants():
    """One a while for each edge node, until it is reborn."""
    talk = Talk()
    times = [0.0, REBIRTH_S - 0.1, REBIRTH_S, REBIRTH_S + 1]
    sent = []
    for now_s in times:
        talk.send("DDATA", pressure(2.5, name="p", datatype=10))
        sent.append(talk.sessions.requests(now_s, MS * 1_000_000))
    message = decode_payload(sent[0][0].payload)

    assert [1, 0, 1, 0] == [len(each) for each in sent]
    assert ("Node Control/Rebirth", 11, 1) == (
        message.metrics[0].name,
        message.metrics[0].datatype,
        message.metrics[0].value,
    )
    assert (MS, MS) == (message.timestamp_ms, message.metrics[0].timestamp_ms)


def test_session_request_is_dropped_when_the_birth_comes_first(talk):
    """Who was reborn in the meantime is not asked."""
    talk.send("DDATA", pressure(2.5), seq=77)
    talk.be_born()

    assert [] == talk.asked()


@pytest.mark.parametrize(
    ("kind", "device", "edge", "reason"),
    [
        ("DDATA", "X", "E", DeadLetterReason.UNKNOWN_SENSOR),
        ("DBIRTH", "X", "E", DeadLetterReason.UNKNOWN_SENSOR),
        ("NDATA", "D", "F", DeadLetterReason.UNKNOWN_SENSOR),
        ("NCMD", "D", "E", DeadLetterReason.TOPIC),
        ("DDATA", "D2", "E", DeadLetterReason.SESSION),
    ],
)
def test_session_of_strangers_is_refused(talk, kind, device, edge, reason):
    """Unknown devices, commands, and an alias of another device."""
    with pytest.raises(PayloadError) as caught:
        talk.send(kind, pressure(1.0), device=device, edge=edge)

    assert reason == caught.value.reason


def test_session_of_two_names_that_the_register_writes_alike_is_refused():
    """Nobody speaks for another by a name that looks the same."""
    sessions = SparkplugSessions({"G:a_b": {"online"}}, Counter())
    sessions.take(Message(), speaker_of({"group_id": "G", "message_type": "NBIRTH", "edge_node_id": "a b"}), 9)
    with pytest.raises(PayloadError) as caught:
        sessions.take(Message(), speaker_of({"group_id": "G", "message_type": "NDEATH", "edge_node_id": "a_b"}), 9)

    assert DeadLetterReason.IDENTITY == caught.value.reason


def test_session_of_a_million_strangers_remembers_none(talk):
    """Memory follows the register."""
    for i in range(1000):
        with pytest.raises(PayloadError):
            talk.send("NBIRTH", edge=f"E{i}")
        with pytest.raises(PayloadError):
            talk.send("DBIRTH", pressure(1.0, name="p", datatype=10), device=f"X{i}")

    assert 1 == len(talk.sessions._edges)
    assert len(talk.sessions._edges["G:E"].by_alias) <= 1


metrics = st.builds(
    Metric,
    name=st.sampled_from(["", "p", "bdSeq", "online", "load"]),
    alias=st.none() | st.integers(0, 3),
    timestamp_ms=st.none() | st.integers(-(2**63), 2**63 - 1),
    datatype=st.integers(0, 20),
    is_null=st.booleans(),
    value=st.none() | st.floats() | st.text(max_size=2) | st.integers(0, 2**64 - 1),
    is_whole=st.booleans(),
)


@given(st.lists(st.tuples(st.sampled_from(KINDS), st.lists(metrics, max_size=3), st.integers(0, 300)), max_size=12))
def test_session_of_any_messages_raises_payload_errors_only(messages):
    """Any order of any messages is read or refused, never anything else."""
    talk = Talk()
    for kind, each, seq in messages:
        try:
            rows = talk.send(kind, *each, seq=seq)
        except PayloadError:
            continue
        assert all(value == value and abs(value) != float("inf") for _, _, value, _ in rows)  # noqa: PLR0124  # no NaN
