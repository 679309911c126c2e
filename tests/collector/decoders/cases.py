"""What each payload format is held to: a public example with its readings, and how much of columns it can carry."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from collector.decoders import DECODERS
from collector.payload import NO_TIME, Blocks, Columns, Decoder
from collector.wire.timestamps import rfc3339_to_ns

Row = tuple[str, str, int, float, int]
"""Device (empty: the topic's), channel, time, value, quality."""


@dataclass(frozen=True)
class Example:
    """A payload as its public documentation prints it, and what it says."""

    payload: bytes
    rows: list[Row]
    fields: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Case:
    """One format."""

    examples: list[Example]
    shape: str = "series"
    """What one payload can carry: a value, a moment, or a series."""
    times: bool = True
    quality: bool = False
    devices: tuple[str, ...] = ()
    """Devices that payloads name; empty where they name none."""
    channels: tuple[str, ...] = ("c0", "c1", "压力")
    fields: Mapping[str, str] = field(default_factory=lambda: {"device": "FT-1", "channel": "c0"})
    options: Mapping[str, object] = field(default_factory=dict)
    earliest_ms: int = -(10**12)
    width: int = 64
    """Bits of a value."""
    values: tuple[float, ...] = ()
    """All values that it can carry; empty where it carries any."""


def open_decoder(name: str, options: Mapping[str, object]) -> Decoder:
    """Return the decoder of `name` with `options`."""
    decoder = DECODERS[name]
    return decoder if decoder.with_options is None else decoder.with_options(options)


def rows(readings: Columns | Blocks) -> list[Row]:
    """Return the readings as a sorted list."""
    if isinstance(readings, Blocks):
        channels = [readings.channels[place] for place in readings.channel]
        columns = (readings.time_ns.tolist(), readings.value.tolist(), readings.quality.tolist())
        return sorted(zip([""] * len(channels), channels, *columns, strict=True))
    devices = readings.device if readings.device is not None else [""] * len(readings.channel)
    return sorted(zip(devices, readings.channel, readings.time_ns, readings.value, readings.quality, strict=True))


def moment(device: str, when: str | int, values: Mapping[str, float], quality: int = 0) -> list[Row]:
    """Return the rows of one moment."""
    time_ns = rfc3339_to_ns(when) if isinstance(when, str) else when
    return [(device, channel, time_ns, value, quality) for channel, value in values.items()]


S = 10**9
MS = 10**6
LIFELINE = (
    b'{"v":1,"id":"01J","ts":"2025-03-24T08:01:02.120+08:00","seq":4711,"m":{"pressure_kpa":0.0},'
    b'"q":{"pressure_kpa":"good"},"bat":87}'
)
INFLUX = b"cpu,host=pop-os,tag=telegraf,topic=telegraf/one/cpu/23 value=45,test=23i 1637014942460689291"
SENML = (
    b'[{"bn":"urn:dev:ow:10e2073a01080063:","bt":1.320067464e+09,"bu":"%RH","v":20},'
    b'{"u":"lon","v":24.30621},{"u":"lat","v":60.07965},{"t":60,"v":20.3}]'
)
SENML_CBOR = bytes.fromhex(
    "87a721781b75726e3a6465763a6f773a3130653230373361303130383030363a22fb41d303a15b00106223614120050067766f6c"
    "7461676501615602fb405e066666666666a3006763757272656e74062402fb3ff3333333333333a3006763757272656e74062302"
    "fb3ff4cccccccccccda3006763757272656e74062202fb3ff6666666666666a3006763757272656e74062102f93e00a300676375"
    "7272656e74062002fb3ff999999999999aa3006763757272656e74060002fb3ffb333333333333"
)
THINGSBOARD_GATEWAY = (
    b'{"Device A":[{"ts":1483228800000,"values":{"temperature":42,"humidity":80}},'
    b'{"ts":1483228801000,"values":{"temperature":43,"humidity":82}}],'
    b'"Device B":[{"ts":1483228800000,"values":{"temperature":42,"humidity":80}}]}'
)
CHIRPSTACK = (
    b'{"deduplicationId":"3ac7e3c4-4401-4b8d-9386-a5c902f9202d","time":"2022-07-18T09:34:15.775023242+00:00",'
    b'"deviceInfo":{"applicationName":"Test application","deviceName":"Test device","devEui":"0101010101010101",'
    b'"tags":{"key":"value"}},"devAddr":"00189440","dr":1,"fPort":1,"data":"qg==","object":{"level":170,"open":true},'
    b'"rxInfo":[{"gatewayId":"0016c001f153a14c","uplinkId":4217106255,"rssi":-36,"snr":10.5}],'
    b'"txInfo":{"frequency":867100000,"modulation":{"lora":{"bandwidth":125000,"spreadingFactor":11,'
    b'"codeRate":"CR_4_5"}}}}'
)
THINGS_STACK = (
    b'{"end_device_ids":{"device_id":"portenta-h7-icicle-00","application_ids":{"application_id":"icicle-monitor"},'
    b'"dev_eui":"3036363266398F0D"},"received_at":"2024-03-22T17:54:52.358270423Z","uplink_message":'
    b'{"session_key_id":"AY5jAnqK0GdPG1yygjCmqQ==","f_port":1,"f_cnt":9,"frm_payload":"AQ==",'
    b'"decoded_payload":{"detected":true},"rx_metadata":[{"gateway_ids":{"gateway_id":"eui-ac1f09fffe09141b"},'
    b'"time":"2024-03-22T17:54:52.382076978Z","rssi":-51,"snr":13.5}],'
    b'"received_at":"2024-03-22T17:54:52.154041574Z","confirmed":true}}'
)
WAVEFORM = (
    b"LLWF\x01\x01\x00\x00"
    + (1_750_000_000 * S).to_bytes(8, "little")
    + bytes.fromhex("0000000000005940")
    + bytes.fromhex("000000000000e03f")
    + b"\x03\0\0\0"
    + b"\0\0\0\0"
    + b"\x01\0\xff\xff\x02\0"
)
DITTO = {"time": "$.ts", "time_unit": "ms", "values": {"temperature": "$.val"}, "units": {"temperature": "°C"}}
SENSOR = "urn:dev:ow:10e2073a01080063"
LORA = {"device": "0101010101010101"}

SPARKPLUG = bytes.fromhex(
    "08eaf2f5a8a02b"  # timestamp 1486144502122
    "12150a08496e707574732f4118eaf2f5a8a02b200b7001"  # Inputs/A, Boolean, true
    "12150a08496e707574732f4318eaf2f5a8a02b200b7001"  # Inputs/C, Boolean, true
    "1800"  # seq 0
)
SPARKPLUG_FIELDS = {
    "group_id": "Sparkplug B Devices",
    "message_type": "DDATA",
    "edge_node_id": "Raspberry Pi",
    "device_id": "Pibrella",
}
CASES: Mapping[str, Case] = {
    "lifeline_json": Case(
        [Example(LIFELINE, moment("", "2025-03-24T00:01:02.120Z", {"pressure_kpa": 0.0, "bat": 87.0}))], quality=True
    ),
    "plain_value": Case(
        [Example(b"390", moment("", NO_TIME, {"temp": 390.0}), {"channel": "temp"})],
        shape="value",
        times=False,
        channels=("c0",),
    ),
    "influx_line": Case(
        [
            Example(
                INFLUX, moment("pop-os", 1637014942460689291, {"value": 45.0, "test": 23.0}), {}, {"device_tag": "host"}
            )
        ],
        devices=("D 1", "D=2,"),
        options={"device_tag": "the device"},
    ),
    "senml_json": Case(
        [
            Example(
                SENML,
                [
                    *moment(SENSOR, 1320067464 * S, {"%RH": 20.0, "lon": 24.30621, "lat": 60.07965}),
                    *moment(SENSOR, 1320067524 * S, {"%RH": 20.3}),
                ],
                {},
                {"device": "name"},
            )
        ],
        devices=("urn:dev:A", "urn:dev:B"),
        options={"device": "name", "units": {"c0": "Cel"}},
        earliest_ms=2**28 * 1000,
    ),
    "senml_cbor": Case(
        [
            Example(
                SENML_CBOR,
                [
                    *moment("urn:dev:ow:10e2073a0108006", 1276020076001000 * 1000, {"voltage": 120.1}),
                    *(
                        row
                        for place, value in enumerate([1.2, 1.3, 1.4, 1.5, 1.6, 1.7])
                        for row in moment(
                            "urn:dev:ow:10e2073a0108006", (1276020071001000 + place * 10**6) * 1000, {"current": value}
                        )
                    ),
                ],
                {},
                {"device": "name"},
            )
        ],
        devices=("urn:dev:A", "urn:dev:B"),
        options={"device": "name", "units": {"c0": "Cel"}},
        earliest_ms=2**28 * 1000,
    ),
    "chirpstack_v4": Case(
        [
            Example(
                CHIRPSTACK,
                moment(
                    LORA["device"],
                    "2022-07-18T09:34:15.775023242Z",
                    {"rssi": -36.0, "snr": 10.5, "level": 170.0, "open": 1.0},
                ),
                LORA,
            )
        ],
        shape="moment",
        devices=("0101010101010101",),
    ),
    "the_things_stack_v3": Case(
        [
            Example(
                THINGS_STACK,
                moment(
                    "portenta-h7-icicle-00",
                    "2024-03-22T17:54:52.154041574Z",
                    {"rssi": -51.0, "snr": 13.5, "detected": 1.0},
                ),
            )
        ],
        shape="moment",
        devices=("portenta-h7-icicle-00",),
    ),
    "thingsboard_device": Case(
        [
            Example(
                b'{"ts":1451649600512,"values":{"temperature":22.5,"humidity":61}}',
                moment("", 1451649600512 * MS, {"temperature": 22.5, "humidity": 61.0}),
            )
        ]
    ),
    "thingsboard_gateway": Case(
        [
            Example(
                THINGSBOARD_GATEWAY,
                [
                    *moment("Device A", 1483228800 * S, {"temperature": 42.0, "humidity": 80.0}),
                    *moment("Device A", 1483228801 * S, {"temperature": 43.0, "humidity": 82.0}),
                    *moment("Device B", 1483228800 * S, {"temperature": 42.0, "humidity": 80.0}),
                ],
            )
        ],
        devices=("Device A", "Device B"),
    ),
    "sensorthings": Case(
        [
            Example(b'{"result":22}', moment("", NO_TIME, {"result": 22.0}), {"device": "999"}),
            Example(b'{"result":21,"Datastream":{"@iot.id":999}}', moment("999", NO_TIME, {"result": 21.0})),
        ],
        shape="value",
        devices=("999",),
        channels=("result",),
    ),
    "fiware_iota_json": Case(
        [
            Example(b'{"h": 70, "t": 15}', moment("", NO_TIME, {"h": 70.0, "t": 15.0}), {"device": "id_sen1"}),
            Example(b"70", moment("", NO_TIME, {"h": 70.0}), {"device": "id_sen1", "channel": "h"}),
        ],
        fields={"device": "id_sen1"},
    ),
    "openremote_attribute": Case(
        [Example(b"1", moment("", NO_TIME, {"level": 1.0}), {"device": "D", "channel": "level"})],
        shape="value",
        times=False,
        channels=("c0",),
    ),
    "json_mapping": Case(
        [
            Example(
                '{"val":"23.42 °C","ts":1523946112727}'.encode(),
                moment("", 1523946112727 * MS, {"temperature": 23.42}),
                {},
                DITTO,
            )
        ],
        devices=("A", "B"),
        options={
            "records": "$.all",
            "time": "$.at.ms",
            "time_unit": "ms",
            "device": "$.id",
            "values": {"c0": "$.v[0]", "c1": "$.v[1]", "压力": "$['water pressure']"},
            "units": {"压力": "MPa"},
        },
    ),
    "waveform": Case(
        [
            Example(
                WAVEFORM,
                [
                    ("", "ch0", 1_750_000_000 * S + place * 10 * MS, value, 0)
                    for place, value in enumerate([0.5, -0.5, 1.0])
                ],
            )
        ],
        quality=True,
        channels=("ch0", "ch1", "ch7"),
        width=32,
    ),
    "sparkplug_b": Case(
        [
            Example(
                SPARKPLUG,
                moment(
                    "Sparkplug_B_Devices:Raspberry_Pi:Pibrella",
                    1486144502122 * MS,
                    {"Inputs.A": 1.0, "Inputs.C": 1.0},
                ),
                SPARKPLUG_FIELDS,
            )
        ],
        quality=True,
        devices=("Sparkplug_B_Devices:Raspberry_Pi:Pibrella",),
        channels=("c0", "c1"),
        fields=SPARKPLUG_FIELDS,
    ),
    "device_status": Case(
        [Example(b'{"online":false}', moment("", NO_TIME, {"online": 0.0}))],
        shape="value",
        times=False,
        channels=("online",),
        values=(0.0, 1.0),
    ),
}
"""One case a line of `DECODERS`. Sources: the pages named in docs/formats.md; the frame of `waveform` is our own."""
