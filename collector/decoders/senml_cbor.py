"""SenML in CBOR (RFC 8428, section 6): the records of SenML JSON with short integer labels.

Input: payload bytes.
Output: the readings of the resolved pack.
Not responsible for: names, units and times; see `collector/wire/senml.py`.
Rejects: every tag of CBOR but the decimal fraction, as the RFC demands.

Dates, big numbers, regular expressions and shared references have no place in a pack. They are ways to make a reader
work hard.
"""

import io
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from itertools import chain
from typing import NoReturn, TypeGuard, TypeVar

import cbor2
import msgspec

from collector.dead_letter import DeadLetterReason
from collector.payload import Columns, Decoder, PayloadError
from collector.wire.senml import Options, Record, records_of, resolve, resolve_plain
from collector.wire.senml_columns import FEW, VERSION, Plain

T = TypeVar("T")
_LABELS: Mapping[object, str] = {
    -1: "bver",
    -2: "bn",
    -3: "bt",
    -4: "bu",
    -5: "bv",
    -6: "bs",
    0: "n",
    1: "u",
    2: "v",
    3: "vs",
    4: "vb",
    5: "s",
    6: "t",
    7: "ut",
    8: "vd",
}
"""Source: RFC 8428, table 6."""
_NUMBERS: Mapping[str, object] = {name: label for label, name in _LABELS.items()}
_PLAIN_LABELS = frozenset({0, 1, 2, 6})
"""Name, unit, value and time."""
_MAX_DEPTH = 4
"""Containers within each other; a pack has two."""
_REFUSED_TAGS = (0, 1, 2, 3, 5, 25, 28, 29, 30, 35, 36, 37, 100, 256, 258, 260, 261, 1004, 43000, 55799)
"""Tags that the library reads by itself, but for 4, the decimal fraction; those it does not know come to the hook."""


def with_options(raw: Mapping[str, object]) -> Decoder:
    """Return the decoder as one subscription wants it.

    Raises:
        ValidationError: an option does not fit.
    """
    options = Options.model_validate(raw)
    reader = _new_reader()

    def decode(payload: bytes, fields: Mapping[str, str], max_readings: int) -> Columns:
        pack = _maps(payload, reader)
        plain = _plain(pack)
        columns = None if plain is None else resolve_plain(plain, options, fields, max_readings)
        return resolve(_records(pack), options, fields, max_readings) if columns is None else columns

    def encode(columns: Columns) -> bytes:
        return cbor2.dumps([_with_labels(record) for record in records_of(columns, options)])

    named = options.device == "name"
    fields = frozenset() if named else frozenset({"device"})
    return Decoder(decode, encode, fields, with_options=with_options, names_devices=named)


def _new_reader() -> cbor2.CBORDecoder:
    """Return a reader that refuses everything a pack has no use for; one is made a subscription, as it costs much."""
    return cbor2.CBORDecoder(
        io.BytesIO(),
        tag_hook=_refuse,
        semantic_decoders=dict.fromkeys(_REFUSED_TAGS, _refuse),
        max_depth=_MAX_DEPTH,
        allow_duplicate_keys=False,
    )


def _maps(payload: bytes, reader: cbor2.CBORDecoder) -> list[dict[object, object]]:
    reader.fp = stream = io.BytesIO(payload)
    try:
        pack = reader.decode()
    except (cbor2.CBORDecodeError, ValueError, OverflowError, RecursionError) as error:
        raise PayloadError(DeadLetterReason.SYNTAX, f"payload: expected CBOR, got {str(error)[:200]}") from None
    if stream.tell() != len(payload):
        raise PayloadError(
            DeadLetterReason.SYNTAX, f"payload: expected one CBOR item, got {len(payload) - stream.tell()} more"
        )
    if not isinstance(pack, list) or not all(isinstance(record, dict) for record in pack):
        raise PayloadError(DeadLetterReason.SCHEMA, "$: expected an array of maps")
    return pack


def _plain(pack: Sequence[Mapping[object, object]]) -> Plain | None:
    """Return the columns of a plain pack: names, units, numbers and times only, bases in its first record or none."""
    if len(pack) < FEW:
        return None
    is_like_others = pack[0].keys() <= _PLAIN_LABELS
    base, rest = (Record(), pack) if is_like_others else (_base(pack[0]), pack[1:])
    labels = {*map(type, chain.from_iterable(rest))}
    if base is None or labels != {int} or not set().union(*rest) <= _PLAIN_LABELS:
        return None
    names, units = [each.get(0, "") for each in rest], [each.get(1, "") for each in rest]
    values, times_s = [each.get(2) for each in rest], [each.get(6, 0.0) for each in rest]
    if not (_are(names, str) and _are(units, str) and _are(values, float) and _are(times_s, float)):
        return None
    plain = Plain(base.bn, base.bu, base.bt, names, units, values, times_s)
    if base.v is None:
        return plain
    return replace(
        plain,
        names=[base.n, *names],
        units=[base.u, *units],
        values=[base.v, *values],
        times_s=[base.t, *times_s],
    )


def _base(first: Mapping[object, object]) -> Record | None:
    """Return the first record if its bases are name, unit and time alone, and it is else like the others."""
    try:
        [record] = _records([first])
    except PayloadError:
        return None
    others = (record.vs, record.vb, record.vd, record.s)
    says_something = record.v is not None or record.bn or record.bt or record.bu
    is_plain = others == (None,) * 4 and says_something and not record.bv and 1 <= record.bver <= VERSION
    return record if is_plain else None


def _are(cells: list[object], kind: type[T]) -> TypeGuard[list[T]]:
    return {*map(type, cells)} == {kind}


def _records(pack: Sequence[Mapping[object, object]]) -> list[Record]:
    try:
        return msgspec.convert([_with_names(record, place) for place, record in enumerate(pack)], list[Record])
    except msgspec.ValidationError as error:
        raise PayloadError(DeadLetterReason.SCHEMA, str(error)) from None


def _with_names(record: Mapping[object, object], place: int) -> dict[str, object]:
    named: dict[str, object] = {}
    for label, value in record.items():
        if isinstance(label, str) and label.endswith("_"):
            raise PayloadError(DeadLetterReason.SCHEMA, f"$[{place}]: expected labels that we know, got {label[:40]!r}")
        name = _LABELS.get(label) if isinstance(label, int) and not isinstance(label, bool) else None
        if name is not None:
            named[name] = float(value) if isinstance(value, Decimal) else value
    return named


def _with_labels(record: Record) -> dict[object, object]:
    return {_NUMBERS[name]: value for name, value in msgspec.to_builtins(record).items()}


def _refuse(tagged: object, _immutable: object) -> NoReturn:
    raise ValueError(f"a tag around {type(tagged).__name__}")


DECODER = with_options({})
"""The device from the topic, units passed on."""
