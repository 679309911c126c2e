import math

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.dead_letter import DeadLetterReason
from collector.decoders import senml_cbor
from collector.decoders.senml_cbor import _LABELS
from collector.payload import NO_TIME, PayloadError
from collector.wire.senml import Options, Record, resolve, resolve_each

T = 1_750_000_000.0
NS = 1_750_000_000 * 10**9


def readings(*records: Record, **options: object) -> list[tuple[str, int, float]]:
    """Return (channel, time, value) of what the records of device D resolve to."""
    columns = resolve(records, Options.model_validate(options), {"device": "D"}, 100)
    return list(zip(columns.channel, columns.time_ns, columns.value, strict=True))


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        ([Record(n="a", v=1)], [("a", NO_TIME, 1.0)]),
        ([Record(bn="D:", n="a", v=1), Record(n="b", v=2)], [("a", NO_TIME, 1.0), ("b", NO_TIME, 2.0)]),
        ([Record(bn="D:", bt=T), Record(n="b", v=2, t=1)], [("b", NS + 10**9, 2.0)]),
        ([Record(bv=10, bs=100, n="a", v=1, s=5)], [("a", NO_TIME, 11.0), ("a.sum", NO_TIME, 105.0)]),
        ([Record(bv=10, n="a", vb=True), Record(n="b", vb=False)], [("a", NO_TIME, 1.0), ("b", NO_TIME, 0.0)]),
        ([Record(n="a", s=5)], [("a.sum", NO_TIME, 5.0)]),
        ([Record(n="a", vs="open"), Record(n="b", v=1)], [("b", NO_TIME, 1.0)]),
        ([Record(bn="D:", u="lon", v=24.3), Record(u="lat", v=60.1)], [("lon", NO_TIME, 24.3), ("lat", NO_TIME, 60.1)]),
        ([Record(n="a", v=1, t=T), Record(n="a", v=2, t=T + 0.001)], [("a", NS, 1.0), ("a", NS + 10**6, 2.0)]),
        ([Record(bt=T, n="a", v=1), Record(bt=T + 9, n="a", v=2)], [("a", NS, 1.0), ("a", NS + 9 * 10**9, 2.0)]),
    ],
)
def test_resolve_records_gives_readings(records, expected):
    """Names, times, values and sums are those of RFC 8428, section 4."""
    assert expected == readings(*records)


@pytest.mark.parametrize(
    ("records", "options", "reason"),
    [
        ([], {}, DeadLetterReason.SCHEMA),
        ([Record(n="a")], {}, DeadLetterReason.SCHEMA),
        ([Record(bn="D:")], {}, DeadLetterReason.SCHEMA),
        ([Record(v=1)], {}, DeadLetterReason.SCHEMA),
        ([Record(n="a", v=1, vb=True)], {}, DeadLetterReason.SCHEMA),
        ([Record(n="a", v=1, bver=11)], {}, DeadLetterReason.SCHEMA),
        ([Record(n="a", v=1, u="Cel")], {"units": {"a": "kPa"}}, DeadLetterReason.SCHEMA),
        ([Record(n="a", v=1, t=T), Record(n="a", v=1, t=-5)], {}, DeadLetterReason.SCHEMA),
        ([Record(n="a", v=1)], {"device": "name"}, DeadLetterReason.SCHEMA),
        ([Record(n="a", vs="x")], {}, DeadLetterReason.SCHEMA),
        ([Record(n="a", v=1e308, bv=1e308)], {}, DeadLetterReason.NOT_FINITE),
        ([Record(n="a", v=1, t=1e30)], {}, DeadLetterReason.TIME_UNREPRESENTABLE),
        ([Record(n="a", v=1)] * 101, {}, DeadLetterReason.TOO_LARGE),
    ],
)
def test_resolve_what_is_no_pack_says_why(records, options, reason):
    """A pack that breaks the rules, or is of another unit than agreed, is refused whole."""
    with pytest.raises(PayloadError) as caught:
        readings(*records, **options)

    assert reason == caught.value.reason


def test_resolve_times_from_now_stay_relative():
    """Times below 2**28 seconds count from the reception, which the pipeline knows."""
    columns = resolve([Record(n="a", v=1, t=-5), Record(n="a", v=2)], Options(), {"device": "D"}, 100)

    assert (True, [-5_000_000_000, NO_TIME]) == (columns.relative, columns.time_ns)


def test_resolve_names_with_devices_tells_them_apart():
    """The name up to its last separator is the device, if the subscription says so."""
    options = Options(device="name", separator="/")
    columns = resolve([Record(bn="dev/1/", n="a", v=1), Record(bn="dev/2/", n="b", v=2)], options, {}, 100)

    assert (["dev/1", "dev/2"], ["a", "b"]) == (columns.device, columns.channel)


@st.composite
def records(draw):
    """Return a pack as gateways send it, or nearly: bases first, then names, units, numbers and times."""
    number = st.sampled_from([0.0, 1.5, -3.0, 1e308, math.inf, math.nan])
    time_s = st.sampled_from([0.0, 5.0, -5.0, T, T + 0.5, 1e30, math.nan])
    word = st.sampled_from(["", "a", "b", "D:", "D:a", "x:y"])
    some = st.fixed_dictionaries({"n": word, "v": number}, optional={"u": st.sampled_from(["", "Cel"]), "t": time_s})
    base = st.fixed_dictionaries(
        {}, optional={"bn": word, "bt": time_s, "bu": st.just("Cel"), "bver": st.sampled_from([0, 5, 11])}
    )
    odd = st.fixed_dictionaries({}, optional={"vs": word, "vb": st.booleans(), "s": number, "bv": number, "bn": word})
    pack = draw(st.lists(some, max_size=8))
    places = st.integers(0, max(len(pack) - 1, 0))
    first = draw(base) | (pack[0] if pack and draw(st.booleans()) else {})
    if pack and draw(st.integers(0, 3)) == 0:
        pack[draw(places)] |= draw(odd)
    return [first, *pack]


def outcome(decode):
    """Return the columns or the reason of the refusal, in a form that compares."""
    try:
        return repr(decode())
    except PayloadError as error:
        return str(error)


@pytest.mark.parametrize("options", [{}, {"device": "name"}, {"units": {"a": "Cel"}}])
@given(pack=records())
def test_resolve_by_columns_gives_what_one_by_one_gives(options, pack):
    """The quick way is another way to the same readings and refusals, in JSON's records and in CBOR's maps."""
    chosen = Options.model_validate(options)
    one_by_one = [Record(**each) for each in pack]
    expected = outcome(lambda: resolve_each(one_by_one, chosen, {"device": "D"}, 6))
    labels = {name: label for label, name in _LABELS.items()}
    payload = cbor2.dumps([{labels[name]: value for name, value in each.items()} for each in pack])
    decoder = senml_cbor.with_options(options)

    assert expected == outcome(lambda: resolve(one_by_one, chosen, {"device": "D"}, 6))
    assert expected == outcome(lambda: decoder.decode(payload, {"device": "D"}, 6))
