"""Payload formats: one file each, `decode` with `encode` beside it, one line in `DECODERS`."""

from collections.abc import Mapping

from collector.decoders import lifeline_json, plain_value
from collector.payload import Decoder

DECODERS: Mapping[str, Decoder] = {
    "lifeline_json": Decoder(
        lifeline_json.decode, lifeline_json.encode, optional_channels=frozenset({lifeline_json.BATTERY})
    ),
    "plain_value": Decoder(plain_value.decode, plain_value.encode, fields=frozenset({"device", "channel"})),
}
"""Name in the settings to format."""
