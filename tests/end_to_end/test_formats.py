"""Other vendors' streams over a real broker end in the journal, each by the decoder of its topic."""

import gzip
import json
import time
from collections import Counter

import pytest

from collector.decoders import DECODERS
from collector.decoders.sensorthings import RESULT
from collector.payload import Columns
from config.settings import Subscription
from simulators.load import send_load
from tests.end_to_end.intake_rig import N_DEVICES, RunningIntake

pytestmark = pytest.mark.end_to_end

LORA = {
    "filter": "application/+/device/+/event/+",
    "template": "application/_/device/{device}/event/{event}",
    "decoder": "chirpstack_v4",
}
DEVICE = ("{}/+", "{}/{{device}}", "{}/D1")
CHANNEL = ("{}/+/+", "{}/{{device}}/{{channel}}", "{}/D1/n")
GATEWAY = ("{}", "{}", "{}")
DATASTREAM = ("{}/+/Observations", "{}/Datastreams({{device}})/Observations", "{}/Datastreams(D1)/Observations")
SHAPES = {
    "lifeline_json": (DEVICE, {}),
    "plain_value": (CHANNEL, {}),
    "influx_line": (GATEWAY, {"device_tag": "device"}),
    "senml_json": (GATEWAY, {"device": "name"}),
    "senml_cbor": (DEVICE, {}),
    "chirpstack_v4": (DEVICE, {}),
    "the_things_stack_v3": (DEVICE, {}),
    "thingsboard_device": (DEVICE, {}),
    "thingsboard_gateway": (GATEWAY, {}),
    "fiware_iota_json": (DEVICE, {}),
    "openremote_attribute": (CHANNEL, {}),
    "json_mapping": (DEVICE, {"time": "$.at", "values": {"n": "$.values[0]"}}),
    "waveform": (DEVICE, {"channels": ["n"]}),
    "sensorthings": (DATASTREAM, {}),
}
ELSEWHERE = {"sparkplug_b", "device_status"}
"""They have files of their own: test_intake_sparkplug.py, test_intake_status.py."""


@pytest.fixture
def make_intake(tmp_path):
    """Return a function that makes an intake; all are stopped after the test."""
    made = []

    def make(port, subscriptions):
        made.append(RunningIntake(tmp_path / f"intake{len(made)}", port, subscriptions=subscriptions))
        return made[-1].start()

    yield make
    for one in made:
        one.stop()


def event(number: int, kind: str, body: object) -> tuple[str, bytes]:
    """Return an event as ChirpStack's MQTT integration publishes it."""
    device = f"D{number % N_DEVICES}"
    seconds, milliseconds = divmod(time.time_ns() // 1_000_000, 1000)
    when = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{milliseconds:03}000000+00:00"
    common = {
        "deduplicationId": f"3ac7e3c4-4401-4b8d-9386-{number:012x}",
        "time": when,
        "deviceInfo": {"applicationName": "City", "deviceName": f"Device {device}", "devEui": device, "tags": {}},
    }
    return f"application/city/device/{device}/event/{kind}", json.dumps({**common, **body}).encode()


def uplink(number: int) -> tuple[str, bytes]:
    """Return an uplink with `number` from its codec, and the radio's own fields around it."""
    radio = {"gatewayId": "0016c001f153a14c", "uplinkId": number, "rssi": -36, "snr": 10.5}
    body = {"devAddr": "00189440", "dr": 1, "fCnt": number, "fPort": 1, "data": "qg==", "rxInfo": [radio]}
    return event(number, "up", body | {"object": {"n": number, "label": "ok"}})


def test_intake_of_a_lora_network_stores_its_uplinks(mosquitto, make_intake):
    """Uplinks among joins, status and log events arrive once each; an uplink without codec and a liar are dead."""
    one = make_intake(mosquitto.port, [LORA])
    stream = [uplink(number) for number in range(2000)]
    stream[100:100] = [event(7, "join", {"devAddr": "00189440"}), event(7, "log", {"code": "UPLINK_CODEC"})]
    stream[200:200] = [
        event(8, "status", {"margin": 10, "batteryLevel": 75.5}),
        event(8, "ack", {"acknowledged": True}),
    ]
    stream.append(event(9, "up", {"data": "qg=="}))
    stream.append((event(9, "up", {})[0], uplink(10)[1]))
    send_load("127.0.0.1", mosquitto.port, stream)
    one.wait_for_messages(len(stream))

    assert dict.fromkeys(range(2000), 1) == one.numbers()
    assert ["identity", "schema"] == [str(letter.reason) for letter in one.journal.dead_letters(10)]


def test_intake_of_every_format_stores_its_readings(mosquitto, make_intake):
    """One broker, one topic a format, plain and packed: each reading is in the journal once."""
    subscriptions, messages = [], []
    for number, (name, (shape, options)) in enumerate(SHAPES.items(), 1):
        for packed in (False, True):
            topic_filter, template, topic = (part.format(f"{name}-{packed}") for part in shape)
            subscription = Subscription(
                filter=topic_filter,
                template=template,
                decoder=name,
                options=options,
                devices=("D*",) if shape is GATEWAY else (),
                compression="gzip" if packed else "none",
            )
            subscriptions.append(subscription.model_dump())
            decoder = DECODERS[name] if DECODERS[name].with_options is None else DECODERS[name].with_options(options)
            named = ["D1"] if decoder.names_devices else None
            channel = RESULT if name == "sensorthings" else "n"
            payload = decoder.encode(Columns([channel], [time.time_ns()], [2.0 * number + packed], [0], named))
            messages.append((topic, gzip.compress(payload) if packed else payload))
    one = make_intake(mosquitto.port, subscriptions)
    send_load("127.0.0.1", mosquitto.port, messages)
    one.wait_for_messages(len(messages))

    assert Counter(range(2, 2 * len(SHAPES) + 2)) == one.numbers()
    assert [] == one.journal.dead_letters(10)


def test_formats_of_the_table_are_all_sent_over_a_broker():
    """A new format is sent here, or has a file of its own."""
    assert set(DECODERS) == set(SHAPES) | ELSEWHERE
