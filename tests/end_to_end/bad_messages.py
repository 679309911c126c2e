"""Every class of wrong message of a device, a gateway or an unknown sender, with the reason of its rejection.

`bad_messages` is a pure function of its seed. Where a value would be stored by mistake it is 666, which no device says.
"""

import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import cycle, islice

from collector.dead_letter import DeadLetterReason

_DEVICE = "lifeline/v1/fire/T-0001/FT-0001"
_UP = f"{_DEVICE}/up"
_PLAIN = f"{_DEVICE}/pressure_kpa/value"


@dataclass(frozen=True, slots=True)
class Bad:
    """One message that must end among the dead letters."""

    topic: str
    payload: bytes
    reason: DeadLetterReason


def bad_messages(count: int, seed: int) -> list[Bad]:
    """Return `count` bad messages, every class in turn."""
    chance = random.Random(seed)  # noqa: S311 - the same messages every time
    turns = islice(cycle(_CLASSES.items()), count)
    return [Bad(*make(chance), DeadLetterReason(name.split(":")[0])) for name, make in turns]


def _json(chance: random.Random, **changes: object) -> bytes:
    """Return a good payload with some keys changed, and left out where the change is `...`."""
    ts = 1_700_000_000_000 + chance.randrange(10**9)
    body = {"v": 1, "id": f"bad-{chance.randrange(10**9)}", "ts": ts, "m": {"pressure_kpa": 666.0}} | changes
    return json.dumps({key: value for key, value in body.items() if value is not ...}).encode()


def _with_m(chance: random.Random, text: str) -> bytes:
    """Return a payload with the raw JSON `text` as the value in its `m`."""
    return _json(chance).replace(b"666.0", text.encode())


def _truncated(chance: random.Random) -> tuple[str, bytes]:
    whole = _json(chance)
    return _UP, whole[: chance.randrange(len(whole))]


def _binary(chance: random.Random) -> tuple[str, bytes]:
    head = chance.choice([b"\x00", b"\xff\xfe", b"\x1f\x8b\x08", b"\x08\x96\x01", b"\xef\xbb\xbf{"])
    return _UP, head + chance.randbytes(chance.randrange(300))


def _other_encoding(chance: random.Random) -> tuple[str, bytes]:
    return _UP, _json(chance).decode().encode(chance.choice(["utf-16", "utf-32", "utf-16-be", "cp500"]))


def _not_utf_8(chance: random.Random) -> tuple[str, bytes]:
    return _UP, _json(chance).replace(b"pressure_kpa", b"pressure_\xff\xc3")


def _other_syntax(chance: random.Random) -> tuple[str, bytes]:
    texts = [
        b"{'v':1,'m':{'pressure_kpa':666}}",
        b'{"v":1,"m":{"pressure_kpa":666},}',
        b'{"v":1,"m":{"pressure_kpa":0666}}',
        b'{"v":1,"m":{"pressure_kpa":666}}{"v":1,"m":{"pressure_kpa":666}}',
        b"pressure_kpa=666",
        b"<v>666</v>",
    ]
    return _UP, chance.choice(texts)


def _deep(chance: random.Random) -> tuple[str, bytes]:
    depth = chance.randrange(2000, 30_000)
    return _UP, b'{"v":1,"x":' + b"[" * depth + b"]" * depth + b',"m":{"pressure_kpa":666}}'


def _deep_value(chance: random.Random) -> tuple[str, bytes]:
    depth = chance.randrange(2, 10_000)
    return _UP, _with_m(chance, "[" * depth + "]" * depth)


def _wrong_type(chance: random.Random) -> tuple[str, bytes]:
    changes: list[dict[str, object]] = [
        {"v": "1"},
        {"v": 2},
        {"v": ...},
        {"m": ...},
        {"m": None},
        {"m": [666]},
        {"m": {}},
        {"m": {"pressure_kpa": "666"}},
        {"m": {"pressure_kpa": None}},
        {"m": {"pressure_kpa": True}},
        {"m": {"pressure_kpa": {"value": 666}}},
        {"m": {"pressure_kpa": [666]}},
        {"r": [{"m": {"pressure_kpa": 666}}]},
        {"ts": {}},
        {"ts": 1.5},
        {"ts": "yesterday"},
        {"ts": "2025-03-24T08:01:02"},
        {"ts": [1_700_000_000_000, 1_700_000_001_000]},
        {"q": "good"},
        {"bat": "full"},
    ]
    return _UP, _json(chance, **chance.choice(changes))


def _no_object(chance: random.Random) -> tuple[str, bytes]:
    return _UP, chance.choice([b"666", b"[666]", b'"666"', b"null", b"true"])


def _huge(chance: random.Random) -> tuple[str, bytes]:
    return _UP, _json(chance, x="A" * chance.randrange(65_536, 300_000))


def _too_many(chance: random.Random) -> tuple[str, bytes]:
    count = chance.randrange(1001, 2000)
    times = [1_700_000_000_000 + i for i in range(count)]
    return _UP, _json(chance, ts=times, m={"pressure_kpa": [666] * count})


def _not_a_number(chance: random.Random) -> tuple[str, bytes]:
    return _UP, _with_m(chance, chance.choice(["NaN", "Infinity", "-Infinity", "1e999", "-1e999", "1" * 400]))


def _unknown_device(chance: random.Random) -> tuple[str, bytes]:
    return f"lifeline/v1/fire/T-0001/FT-{chance.randrange(5000, 9999)}/up", _json(chance)


def _unknown_channel(chance: random.Random) -> tuple[str, bytes]:
    return _UP, _json(chance, m={chance.choice(["pressure", "", "PRESSURE_KPA", "压力", "x" * 5000]): 666})


def _other_place(chance: random.Random) -> tuple[str, bytes]:
    place = chance.choice(["fire/T-0002", "gas/T-0001", "fire/T-9999", "x/y"])
    return f"lifeline/v1/{place}/FT-0001/up", _json(chance)


def _empty_level(chance: random.Random) -> tuple[str, bytes]:
    return chance.choice(["lifeline/v1//T-0001/FT-0001/up", "lifeline/v1/fire/T-0001//up"]), _json(chance)


def _year_1(chance: random.Random) -> tuple[str, bytes]:
    day = f"0001-{chance.randrange(1, 13):02}-{chance.randrange(1, 29):02}"
    return _UP, _json(chance, ts=f"{day}T00:00:00Z")


def _year_2286(chance: random.Random) -> tuple[str, bytes]:
    times = ["2286-11-20T17:46:40Z", 9_999_999_999_999, 10**18, 2**63 - 1, 10**25, -(10**25)]
    return _UP, _json(chance, ts=chance.choice(times))


def _plain_text(chance: random.Random) -> tuple[str, bytes]:
    return _PLAIN, chance.choice([b"", b"on", b"6,66", b"0x29A", b"666 kPa", b"--666", b"\xff", b"{}"])


def _plain_not_finite(chance: random.Random) -> tuple[str, bytes]:
    return _PLAIN, chance.choice([b"nan", b"-inf", b"Infinity", b"1e999"])


def _plain_unknown(chance: random.Random) -> tuple[str, bytes]:
    return f"{_DEVICE}/c{chance.randrange(1000)}/value", b"666"


_CLASSES: Mapping[str, Callable[[random.Random], tuple[str, bytes]]] = {
    "syntax:truncated": _truncated,
    "syntax:binary": _binary,
    "syntax:other encoding": _other_encoding,
    "syntax:not UTF-8": _not_utf_8,
    "syntax:other syntax": _other_syntax,
    "syntax:deep": _deep,
    "schema:deep value": _deep_value,
    "schema:wrong type": _wrong_type,
    "schema:no object": _no_object,
    "too_large:bytes": _huge,
    "too_large:readings": _too_many,
    "not_finite:json": _not_a_number,
    "unknown_sensor:device": _unknown_device,
    "unknown_sensor:channel": _unknown_channel,
    "identity:place": _other_place,
    "topic:empty level": _empty_level,
    "time_unrepresentable:year 1": _year_1,
    "time_unrepresentable:year 2286": _year_2286,
    "syntax:plain": _plain_text,
    "not_finite:plain": _plain_not_finite,
    "unknown_sensor:plain": _plain_unknown,
}
"""DeadLetterReason and name of each class."""
