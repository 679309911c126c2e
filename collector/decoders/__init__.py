"""Payload formats: one file each, `decode` with `encode` beside it, one line in `DECODERS`."""

from collections.abc import Mapping

from collector.decoders import (
    chirpstack_v4,
    device_status,
    fiware_iota_json,
    influx_line,
    json_mapping,
    lifeline_json,
    openremote_attribute,
    plain_value,
    senml_cbor,
    senml_json,
    sensorthings,
    sparkplug_b,
    the_things_stack_v3,
    thingsboard_device,
    thingsboard_gateway,
    waveform,
)
from collector.payload import Decoder

DECODERS: Mapping[str, Decoder] = {
    "lifeline_json": Decoder(
        lifeline_json.decode, lifeline_json.encode, optional_channels=frozenset({lifeline_json.BATTERY})
    ),
    "plain_value": Decoder(plain_value.decode, plain_value.encode, fields=frozenset({"device", "channel"})),
    "influx_line": influx_line.DECODER,
    "senml_json": senml_json.DECODER,
    "senml_cbor": senml_cbor.DECODER,
    "chirpstack_v4": Decoder(
        chirpstack_v4.decode,
        chirpstack_v4.encode,
        optional_channels=frozenset(
            {chirpstack_v4.BATTERY, chirpstack_v4.MARGIN, chirpstack_v4.RSSI, chirpstack_v4.SNR}
        ),
        names_devices=True,
    ),
    "the_things_stack_v3": Decoder(
        the_things_stack_v3.decode,
        the_things_stack_v3.encode,
        optional_channels=frozenset({the_things_stack_v3.RSSI, the_things_stack_v3.SNR}),
        names_devices=True,
    ),
    "thingsboard_device": Decoder(thingsboard_device.decode, thingsboard_device.encode),
    "thingsboard_gateway": Decoder(
        thingsboard_gateway.decode, thingsboard_gateway.encode, fields=frozenset(), names_devices=True
    ),
    "sensorthings": Decoder(sensorthings.decode, sensorthings.encode, fields=frozenset(), names_devices=True),
    "fiware_iota_json": Decoder(fiware_iota_json.decode, fiware_iota_json.encode),
    "openremote_attribute": Decoder(
        openremote_attribute.decode, openremote_attribute.encode, fields=frozenset({"device", "channel"})
    ),
    "json_mapping": json_mapping.DECODER,
    "waveform": waveform.DECODER,
    "sparkplug_b": sparkplug_b.DECODER,
    "device_status": device_status.DECODER,
}
"""Name in the settings to format."""
