"""Unknown devices: what they said, by device, and the rows that would register them."""

import json

import pytest

from collector.dead_letter import DeadLetter, DeadLetterReason
from collector.decoders import DECODERS
from collector.quarantine import MAX_CHANNELS, MAX_DEVICES, Quarantine, guess_quantity, sensor_rows
from config.loading import load_quantities
from config.settings import MqttSettings, Subscription, packaged_district
from tests.collector.registers import register

S = 1_000_000_000
CUT = f" (first 4096 of 9000 bytes, sha256 {'0' * 64})"


@pytest.fixture(scope="module")
def quantities():
    """Return the packaged catalogue."""
    return load_quantities(packaged_district())


def letter(
    device, values, at_s=0, *, asset="T-1", detail="device: not in the register", reason=DeadLetterReason.UNKNOWN_SENSOR
):
    """Return what the intake refused of a device."""
    payload = json.dumps({"v": 1, "m": values}).encode()
    return DeadLetter(at_s * S, f"lifeline/v1/fire/{asset}/{device}/up", payload, reason, detail)


def taken(letters, subscriptions=None):
    """Return the quarantine of letters, given oldest first."""
    quarantine = Quarantine(register(), subscriptions or MqttSettings().subscriptions, DECODERS)
    return quarantine.take(reversed(list(letters)))


def test_quarantine_puts_messages_together_by_device():
    """Each device has its count, its times, its newest value a channel, and what its topic says of its place."""
    letters = [letter("N-1", {"a": 1}, 1), letter("N-2", {"b": 5}, 2, asset="T-9"), letter("N-1", {"a": 2, "c": 3}, 21)]
    one, other = (taken(letters).unknown_devices[device] for device in ("N-1", "N-2"))

    assert ({"a": 2.0, "c": 3.0}, 2, S, 21 * S, 20) == (
        one.channels,
        one.messages,
        one.first_ns,
        one.last_ns,
        one.cadence_s,
    )
    assert ("T-1", "fire", "lifeline_json", False) == (one.asset, one.domain, one.decoder, one.is_registered)
    assert ("T-9", "fire", 60) == (other.asset, other.domain, other.cadence_s)


def test_quarantine_new_channel_of_a_registered_device_is_listed_alone():
    """Channels that the register has are no strangers."""
    stranger = taken([letter("FT-1", {"pressure_kpa": 1, "extra": 7})]).unknown_devices["FT-1"]

    assert ({"extra": 7.0}, True) == (stranger.channels, stranger.is_registered)


def test_quarantine_registered_in_full_is_no_stranger():
    """A letter from before the registration lists nothing."""
    assert {} == taken([letter("FT-1", {"pressure_kpa": 1})]).unknown_devices


def test_quarantine_other_reasons_are_passed_over():
    """Only what the register does not know can be registered."""
    assert {} == taken([letter("N-1", {"a": 1}, reason=DeadLetterReason.IDENTITY)]).unknown_devices


def test_quarantine_cut_or_unreadable_payload_still_names_the_device():
    """The topic tells the device; the letter that cannot be played again is counted."""
    odd = DeadLetter(1, "lifeline/v1/fire/T-1/N-1/up", b"\xff", DeadLetterReason.UNKNOWN_SENSOR, "not in the register")
    stranger = taken([letter("N-1", {"a": 1}, detail="x" + CUT), odd]).unknown_devices["N-1"]

    assert (2, 1, {}) == (stranger.messages, stranger.cut, stranger.channels)


def test_quarantine_device_named_by_the_payload_is_found():
    """On a topic that names no device the payload does."""
    subscription = Subscription.model_validate(
        {"filter": "gw/+", "template": "gw/{gateway}", "decoder": "thingsboard_gateway", "devices": ["*"]}
    )
    payload = json.dumps({"A": [{"ts": 1, "values": {"x": 1}}], "B": [{"ts": 1, "values": {"y": 2}}]}).encode()
    found = taken([DeadLetter(1, "gw/1", payload, DeadLetterReason.UNKNOWN_SENSOR, "")], [subscription]).unknown_devices

    assert {"A": {"x": 1.0}, "B": {"y": 2.0}} == {device: each.channels for device, each in found.items()}


def test_quarantine_of_a_million_made_up_names_is_bounded():
    """Devices and channels beyond the caps are counted, not kept."""
    letters = [letter(f"N-{i}", {"a": 1}) for i in range(MAX_DEVICES + 200)]
    letters.append(letter("N-9", {f"c{i}": i for i in range(500)}))
    quarantine = taken(letters)

    assert (MAX_DEVICES, 200) == (len(quarantine.unknown_devices), quarantine.left_out)
    assert (MAX_CHANNELS, 500 - MAX_CHANNELS) == (
        len(quarantine.unknown_devices["N-9"].channels),
        quarantine.unknown_devices["N-9"].more_channels - 1,
    )


@pytest.mark.parametrize(
    ("channel", "domain", "expected"),
    [
        ("fire_water_pressure", "fire", ("fire_water_pressure", "MPa")),
        ("pressure_kpa", "fire", ("fire_water_pressure", "kPa")),
        ("pressure", "fire", ("fire_water_pressure", "MPa")),
        ("bat", "gas", ("battery", "%")),
        ("rssi", "gas", ("signal_strength", "dBm")),
        ("snr", "gas", ("signal_quality", "dB")),
        ("methane", "gas", ("methane", "%LEL")),
        ("x17", "gas", ("", "")),
        ("", "gas", ("", "")),
        (".*", "gas", ("", "")),
    ],
)
def test_guessed_quantity_is_what_the_name_tells(channel, domain, expected, quantities):
    """Names that tell nothing give nothing."""
    assert expected == guess_quantity(channel, domain, quantities)


def test_sensor_rows_have_guessed_and_chosen_channels(quantities):
    """What is chosen goes before what is guessed; what is neither stays outside; the heartbeat watches the others."""
    stranger = taken(
        [letter("N-1", {"pressure_kpa": 400, "heartbeat": 1, "x": 2, "y": 3, "bat": 80})] * 2
    ).unknown_devices
    rows = sensor_rows(stranger["N-1"], "T-1", quantities, {"x": "temperature:K", "bat": "", "z": "online"})
    found = [(row["channel"], row["quantity"], row["unit"], row["heartbeat"]) for row in rows]

    assert [
        ("pressure_kpa", "fire_water_pressure", "kPa", "N-1.heartbeat"),
        ("heartbeat", "heartbeat", "count", ""),
        ("x", "temperature", "K", "N-1.heartbeat"),
        ("z", "online", "0/1", ""),
    ] == found
    assert {"T-1"} == {row["asset"] for row in rows}
