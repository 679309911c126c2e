"""SenML in CBOR (RFC 8428, section 6): the records of SenML JSON with short integer labels.

Comes in: payload bytes. Goes out: the readings of the resolved pack. Names, units and times: `collector/senml.py`.
Of the tags of CBOR only the decimal fraction is read, as the RFC demands: dates, big numbers, regular expressions and
shared references have no place here and are ways to make a reader work hard.
"""

import io
from collections.abc import Mapping
from decimal import Decimal
from typing import NoReturn

import cbor2
import msgspec

from collector.dead_letter import Reason
from collector.payload import Columns, Decoder, PayloadError
from collector.senml import Options, Record, records_of, resolve

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

    def decode(payload: bytes, fields: Mapping[str, str], max_readings: int) -> Columns:
        return resolve(_records(payload), options, fields, max_readings)

    def encode(columns: Columns) -> bytes:
        return cbor2.dumps([_with_labels(record) for record in records_of(columns, options)])

    named = options.device == "name"
    fields = frozenset() if named else frozenset({"device"})
    return Decoder(decode, encode, fields, with_options=with_options, names_devices=named)


def _records(payload: bytes) -> list[Record]:
    stream = io.BytesIO(payload)
    refused = dict.fromkeys(_REFUSED_TAGS, _refuse)
    reader = cbor2.CBORDecoder(
        stream, tag_hook=_refuse, semantic_decoders=refused, max_depth=_MAX_DEPTH, allow_duplicate_keys=False
    )
    try:
        pack = reader.decode()
    except (cbor2.CBORDecodeError, ValueError, OverflowError, RecursionError) as error:
        raise PayloadError(Reason.SYNTAX, f"payload: expected CBOR, got {str(error)[:200]}") from None
    if stream.tell() != len(payload):
        raise PayloadError(Reason.SYNTAX, f"payload: expected one CBOR item, got {len(payload) - stream.tell()} more")
    if not isinstance(pack, list) or not all(isinstance(record, dict) for record in pack):
        raise PayloadError(Reason.SCHEMA, "$: expected an array of maps")
    try:
        return msgspec.convert([_with_names(record, place) for place, record in enumerate(pack)], list[Record])
    except msgspec.ValidationError as error:
        raise PayloadError(Reason.SCHEMA, str(error)) from None


def _with_names(record: Mapping[object, object], place: int) -> dict[str, object]:
    named: dict[str, object] = {}
    for label, value in record.items():
        if isinstance(label, str) and label.endswith("_"):
            raise PayloadError(Reason.SCHEMA, f"$[{place}]: expected labels that we know, got {label[:40]!r}")
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
