"""`DeviceStates`: the state of every device of the register beside its readings; bounded by the register.

Input: the senders of one commit's messages, and the marks of these messages.
Output: columns for pages, a note of a few bytes that teaches the same again, a snapshot.
Not responsible for: payloads, pages and files.
Rejects: nothing; a device that the register does not have leaves no trace here.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields

import numpy as np
from numpy.typing import NDArray

from collector.archive import pack_columns, unpack_columns
from collector.devices.sequence_numbers import NO_NUMBER, Counted, Sequences
from collector.payload import Mark

MAX_FIRMWARE = 80
"""Characters of a firmware's name that are kept; assumed."""
_FORMAT = 2
_NOTE = np.dtype([("key", "<u8"), ("number", "<i8"), ("boot", "<u4")])
"""One numbered message: 20 bytes. The key outlives a change of the register, a place would not."""


@dataclass(slots=True)
class SeenMessages:
    """The messages of one commit, one row for each device that speaks in each."""

    device: list[int] = field(default_factory=list)
    numbered: list[int] = field(default_factory=list)
    """Devices of the messages that have a number."""
    number: list[int] = field(default_factory=list)
    boot: list[int] = field(default_factory=list)
    firmware: dict[int, str] = field(default_factory=dict)

    def add(self, device: int, mark: Mark | None) -> None:
        """Note one message of one registered device."""
        self.device.append(device)
        if mark is None:
            return
        if mark.number != NO_NUMBER:
            self.numbered.append(device)
            self.number.append(mark.number)
            self.boot.append(mark.boot)
        if mark.firmware:
            self.firmware[device] = mark.firmware[:MAX_FIRMWARE]


class DeviceStates:
    """Belongs to the thread of the intake; its columns may be looked at from any."""

    def __init__(self, device_ids: Sequence[str]) -> None:
        """Begin with nothing heard of any of `device_ids`."""
        self.ids = tuple(dict.fromkeys(device_ids))
        self.place: Mapping[str, int] = {device: place for place, device in enumerate(self.ids)}
        self.messages = np.zeros(len(self.ids), np.int64)
        self.heard_ns = np.zeros(len(self.ids), np.int64)
        """When the newest message was received, 0 for never."""
        self.seen = SeenMessages()
        """Messages of the commit that is being put together."""
        self.firmware: dict[int, str] = {}
        """Place to the newest name of the device's firmware."""
        self.sequences = Sequences(len(self.ids))
        self._keys = np.array([_key(device) for device in self.ids], np.uint64)

    def take_seen(self, received_ns: int) -> tuple[NDArray[np.int64], bytes]:
        """Remember the messages of one commit; returns the numbers missing before each, and the note to keep."""
        seen, self.seen = self.seen, SeenMessages()
        device = np.array(seen.device, np.intp)
        np.add.at(self.messages, device, 1)
        self.heard_ns[device] = received_ns
        self.firmware.update(seen.firmware)
        if not seen.numbered:
            return np.zeros(0, np.int64), b""
        numbered = np.array(seen.numbered, np.intp)
        note = np.empty(len(numbered), _NOTE)
        note["key"], note["number"], note["boot"] = self._keys[numbered], seen.number, seen.boot
        return self.sequences.take(numbered, note["number"], note["boot"].astype(np.int64)), note.tobytes()

    def learn(self, note: bytes) -> None:
        """Take in the numbers of a note again; `sequences.counts` does not count them a second time."""
        rows = np.frombuffer(note, _NOTE)
        order = np.argsort(self._keys)
        found = np.searchsorted(self._keys, rows["key"], sorter=order)
        place = order[np.minimum(found, len(order) - 1)] if len(order) else np.zeros(len(rows), np.intp)
        known = self._keys[place] == rows["key"] if len(order) else np.zeros(len(rows), np.bool_)
        counts = self.sequences.counts.copy()
        self.sequences.take(place[known], rows["number"][known].astype(np.int64), rows["boot"][known].astype(np.int64))
        self.sequences.counts.clear()
        self.sequences.counts.update(counts)

    def snapshot(self) -> bytes:
        """Return all of it."""
        rest = {
            "firmware": list(self.firmware.items()),
            "holes": [(device, list(holes)) for device, holes in self.sequences.holes.items()],
        }
        text = np.frombuffer(json.dumps(rest).encode(), np.uint8)
        return pack_columns(_FORMAT, self.ids, {**self._columns(), "rest": text})

    def restore(self, blob: bytes) -> None:
        """Take over the state of the devices that exist in the snapshot and in the register.

        Raises:
            CheckpointUnusableError: `blob` is not intact; nothing was taken over.
        """
        columns = self._columns()
        kept = unpack_columns(blob, _FORMAT, self.ids, columns, also=["rest"])
        rest = json.loads(kept.columns["rest"].tobytes())
        places = dict(zip(kept.old.tolist(), kept.new.tolist(), strict=True))
        kept.move_into(columns)
        self.firmware = {places[old]: text for old, text in rest["firmware"] if old in places}
        self.sequences.holes = {places[old]: [(a, b) for a, b in each] for old, each in rest["holes"] if old in places}

    def _columns(self) -> Mapping[str, NDArray[np.int64]]:
        counted = self.sequences.counted
        own = {"messages": self.messages, "heard_ns": self.heard_ns}
        return own | {each.name: getattr(counted, each.name) for each in fields(Counted)}


def _key(device: str) -> int:
    return int.from_bytes(hashlib.blake2b(device.encode(), digest_size=8).digest(), "little")
