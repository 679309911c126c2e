"""SenML in JSON (RFC 8428): `[{"bn":"urn:dev:ow:10e2073a01080063:","bt":1.32e9,"n":"temp","u":"Cel","v":20.3}]`.

Input: payload bytes.
Output: the readings of the resolved pack.
Not responsible for: names, units and times; see `collector/wire/senml.py`.
Rejects: labels that end in `_`, because a reader must understand them.
"""

from collections.abc import Mapping

import msgspec

from collector.dead_letter import DeadLetterReason
from collector.payload import Columns, Decoder, PayloadError
from collector.wire.json_values import read_json
from collector.wire.senml import Options, Record, records_of, resolve

_DECODER = msgspec.json.Decoder(list[Record])
_ANY = msgspec.json.Decoder(list[dict[str, object]])


def with_options(raw: Mapping[str, object]) -> Decoder:
    """Return the decoder as one subscription wants it.

    Raises:
        ValidationError: an option does not fit.
    """
    options = Options.model_validate(raw)

    def decode(payload: bytes, fields: Mapping[str, str], max_readings: int) -> Columns:
        pack = read_json(payload, _DECODER)
        if b'_"' in payload:
            _refuse_must_understand(payload)
        return resolve(pack, options, fields, max_readings)

    def encode(columns: Columns) -> bytes:
        return msgspec.json.encode(records_of(columns, options))

    named = options.device == "name"
    fields = frozenset() if named else frozenset({"device"})
    return Decoder(decode, encode, fields, with_options=with_options, names_devices=named)


def _refuse_must_understand(payload: bytes) -> None:
    """Reject a label that ends in `_`: it changes the meaning of the others. Source: RFC 8428 section 4.4."""
    records: list[dict[str, object]] = read_json(payload, _ANY)
    for place, record in enumerate(records):
        for label in record:
            if label.endswith("_"):
                raise PayloadError(
                    DeadLetterReason.SCHEMA, f"$[{place}]: expected labels that we know, got {label[:40]!r}"
                )


DECODER = with_options({})
"""The device from the topic, units passed on."""
