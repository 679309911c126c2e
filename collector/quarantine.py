"""`Quarantine`: devices and channels outside the register, put together by device from the dead letters.

Input: dead letters, newest first, the register, the subscriptions.
Output: `UnknownDevice`s, at most `MAX_DEVICES`, and the rows that would register them.
Not responsible for: files, and the registration itself.
Rejects: nothing; letters of more devices are counted.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from collector.dead_letter import DeadLetter, DeadLetterReason, is_cut
from collector.decoding.compression import inflate
from collector.decoding.subscriptions import CompiledSubscription, compile_subscriptions
from collector.decoding.topics import filter_matches
from collector.payload import Blocks, Columns, Decoder, PayloadError
from config.quantities import ONLINE, Quantity
from config.register import Register
from config.settings import Subscription

MAX_DEVICES = 1000
"""Devices listed, those heard last; assumed: more are an attack or a gateway that was forgotten, not a day's work."""
MAX_CHANNELS = 64
"""Channels listed of one device; assumed."""
_READ_LETTERS = 16
"""Payloads of one device that are decoded, the newest; the others are counted. Assumed: they name the same channels."""
_MAX_READINGS = 1000
_MAX_BYTES = 65_536
_NAME = 120
"""Characters of a device's or channel's name that are kept."""
_ALIASES: Mapping[str, str] = {
    "bat": "battery",
    "battery": "battery",
    "battery_level": "battery",
    "rssi": "signal_strength",
    "snr": "signal_quality",
    "heartbeat": "heartbeat",
    ONLINE: ONLINE,
}


@dataclass(slots=True)
class UnknownDevice:
    """One device of which something is not in the register."""

    device: str
    asset: str
    """Its place by the register, else by the topic; empty where neither names one."""
    domain: str
    topic: str
    decoder: str
    is_registered: bool
    """The device is in the register, but not all of its channels."""
    messages: int = 0
    cut: int = 0
    """Of these, those without their whole payload: they cannot be played again."""
    first_ns: int = 0
    last_ns: int = 0
    channels: dict[str, float] = field(default_factory=dict)
    """Channel to the newest value, in the unit of the device."""
    more_channels: int = 0
    decoded: int = 0

    @property
    def cadence_s(self) -> int:
        """Mean time between its messages, whole seconds; 60 where there is only one."""
        if self.messages < 2:
            return 60
        return max(1, round((self.last_ns - self.first_ns) / (self.messages - 1) / 1e9))


class Quarantine:
    """Collects the strangers of one register."""

    def __init__(
        self, register: Register, subscriptions: Sequence[Subscription], decoders: Mapping[str, Decoder]
    ) -> None:
        """Compile the subscriptions.

        Raises:
            ConfigError: one of them does not fit.
        """
        self._register = register
        self._assets = {sensor.device: sensor.asset for sensor in register.sensors}
        readers = compile_subscriptions(subscriptions, decoders)
        self._readers = list(zip([each.decoder for each in subscriptions], readers, strict=True))
        self.unknown_devices: dict[str, UnknownDevice] = {}
        self.left_out = 0
        """Letters of more devices than are listed, or without a known device."""

    def take(self, letters: Iterable[DeadLetter]) -> "Quarantine":
        """Add letters, newest first; those with another reason are passed over."""
        for letter in letters:
            if letter.reason is DeadLetterReason.UNKNOWN_SENSOR:
                self._add(letter)
        return self

    def readings_of(self, letter: DeadLetter) -> Mapping[str, Mapping[str, float]]:
        """Return the devices that a letter is of, as far as topic and payload tell, each with channels and values."""
        found = self._found(letter.topic)
        if found is None:
            return {}
        _, reader, fields = found
        owner = fields.get("device", "")
        values = _values(letter, reader, fields)
        return ({owner: {}} if owner else {}) if values is None else values

    def _found(self, topic: str) -> tuple[str, CompiledSubscription, Mapping[str, str]] | None:
        """Return the decoder's name, the reader and the fields of a topic."""
        for name, reader in self._readers:
            if filter_matches(reader.topic_filter, topic):
                fields = reader.template.match(topic)
                return None if fields is None else (name, reader, fields)
        return None

    def _add(self, letter: DeadLetter) -> None:
        found = self._found(letter.topic)
        if found is None:
            self.left_out += 1
            return
        name, _, fields = found
        owner = fields.get("device", "")
        known = self.unknown_devices.get(owner)
        is_enough = known is not None and known.decoded >= _READ_LETTERS
        values: Mapping[str, Mapping[str, float]] = {owner: {}} if is_enough else self.readings_of(letter)
        unknown = {device: self._unregistered(device, each) for device, each in values.items()}
        named = [
            device
            for device in unknown
            if device not in self._assets or unknown[device] or device in self.unknown_devices
        ]
        if not named and owner not in self._assets:
            self.left_out += 1
        for device in named:
            self._note(device, name, letter, fields, unknown[device])

    def _unregistered(self, device: str, values: Mapping[str, float]) -> dict[str, float]:
        index = self._register.channel_index
        return {channel: value for channel, value in values.items() if (device, channel) not in index}

    def _note(
        self, device: str, decoder: str, letter: DeadLetter, fields: Mapping[str, str], values: Mapping[str, float]
    ) -> None:
        if device not in self.unknown_devices and len(self.unknown_devices) >= MAX_DEVICES:
            self.left_out += 1
            return
        stranger = self.unknown_devices.get(device)
        if stranger is None:
            asset = self._assets.get(device) or fields.get("asset", "")
            known = self._register.assets.get(asset)
            domain = known.domain if known else fields.get("domain", "")
            stranger = UnknownDevice(device, asset, domain, letter.topic, decoder, device in self._assets)
            stranger.first_ns = stranger.last_ns = letter.received_ns
            self.unknown_devices[device] = stranger
        stranger.messages += 1
        stranger.cut += is_cut(letter)
        stranger.first_ns = min(stranger.first_ns, letter.received_ns)
        stranger.last_ns = max(stranger.last_ns, letter.received_ns)
        stranger.decoded += bool(values)
        for channel, value in values.items():
            if channel in stranger.channels:
                continue
            if len(stranger.channels) < MAX_CHANNELS:
                stranger.channels[channel] = value
            else:
                stranger.more_channels += 1


def guess_quantity(channel: str, domain: str, quantities: Mapping[str, Quantity]) -> tuple[str, str]:
    """Return the quantity and unit that a channel's name suggests, empty where it suggests none.

    `pressure_kpa` of a device in the domain `water` is a pressure of water in kPa, if one such quantity exists.
    """
    name = channel.casefold()
    direct = _ALIASES.get(name, name)
    if direct in quantities:
        return direct, quantities[direct].unit
    stem, _, suffix = name.rpartition("_")
    for wanted, unit in ((name, ""), (stem, suffix)):
        found = [each for each in quantities.values() if wanted and re.search(rf"(^|_){re.escape(wanted)}$", each.name)]
        found = [each for each in found if each.name.startswith(domain)] or found
        units = [(each, spelt) for each in found for spelt in _spelt(each, unit)]
        if units and (len(found) == 1 or found[0].name.startswith(domain)):
            return units[0][0].name, units[0][1]
    return "", ""


def sensor_rows(
    stranger: UnknownDevice, asset: str, quantities: Mapping[str, Quantity], chosen: Mapping[str, str]
) -> list[dict[str, str]]:
    """Return a row of `sensors.csv` for each channel with a chosen or guessed quantity, and for chosen ones not seen.

    Args:
        stranger: of the quarantine.
        asset: where it stands.
        quantities: the catalogue.
        chosen: channel to `quantity` or `quantity:unit`; an empty one leaves the channel out.
    """
    rows: list[dict[str, str]] = []
    beat = f"{stranger.device}.heartbeat" if "heartbeat" in {*stranger.channels, *chosen} else ""
    for channel in dict.fromkeys([*stranger.channels, *chosen]):
        quantity, unit = guess_quantity(channel, stranger.domain, quantities)
        if channel in chosen:
            quantity, _, unit = chosen[channel].partition(":")
            unit = unit or (quantities[quantity].unit if quantity in quantities else "")
        if quantity:
            row = {"id": f"{stranger.device}.{channel}", "asset": asset, "device": stranger.device, "channel": channel}
            timing = {"cadence_s": str(stranger.cadence_s), "stale_after_s": ""}
            heartbeat = "" if quantity in ("heartbeat", ONLINE) else beat
            rows.append({**row, "quantity": quantity, "unit": unit, **timing, "heartbeat": heartbeat})
    return rows


def _spelt(quantity: Quantity, unit: str) -> list[str]:
    if not unit:
        return [quantity.unit]
    return [spelt for spelt in quantity.accepts if spelt.casefold() == unit]


def _values(
    letter: DeadLetter, reader: CompiledSubscription, fields: Mapping[str, str]
) -> dict[str, dict[str, float]] | None:
    """Return device to its channels and values; None where the payload is cut or cannot be read."""
    if is_cut(letter):
        return None
    try:
        compression = reader.compression
        payload = letter.payload if compression == "none" else inflate(letter.payload, compression, _MAX_BYTES)
        readings = reader.decoder.decode(payload, fields, _MAX_READINGS)
    except PayloadError:
        return None
    owner = fields.get("device", "")
    found: dict[str, dict[str, float]] = {owner: {}} if owner else {}
    for device, channel, value in _rows(readings, owner):
        found.setdefault(device[:_NAME], {})[channel[:_NAME]] = value
    return found


def _rows(readings: Columns | Blocks, owner: str) -> Iterable[tuple[str, str, float]]:
    if isinstance(readings, Blocks):
        last = {place: row for row, place in enumerate(readings.channel.tolist())}
        return [(owner, readings.channels[place], float(readings.value[row])) for place, row in last.items()]
    devices = readings.device or [owner] * len(readings.channel)
    return zip(devices, readings.channel, readings.value, strict=True)
