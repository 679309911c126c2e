"""The receives, syncs and sends of one thread, from strace's record of its system calls."""

import re
from collections.abc import Iterator
from pathlib import Path

PUBLISH, PUBACK = 3, 4
_DATA = re.compile(r'^(recvfrom|sendto)\((\d+)[^,]*, "((?:\\x[0-9a-f]{2})*)".*\) = (\d+)$')
_SYNC = re.compile(r"^fdatasync\(\d+<((?:\\x[0-9a-f]{2})*)>\)\s+= 0$")

TRACER = ("-ff", "-y", "-xx", "-s", "200000", "-e", "trace=fdatasync,recvfrom,sendto")
"""Options of strace before `-o` and a file name prefix: one file a thread, whole payloads as hex."""


def steps(prefix: Path) -> list[tuple[str, int]]:
    """Return ("received" or "acknowledged", packet id) and ("synced", 0) of the thread that receives, in order."""
    for path in sorted(prefix.parent.glob(f"{prefix.name}.*")):
        found = list(_steps(path.read_text().splitlines()))
        if any(what == "received" for what, _ in found):
            return found
    return []


def _steps(lines: list[str]) -> Iterator[tuple[str, int]]:
    streams: dict[tuple[str, str], bytearray] = {}
    for line in lines:
        if (sync := _SYNC.match(line)) and _octets(sync[1]).endswith(b"/journal.db-wal"):
            yield "synced", 0
        if not (data := _DATA.match(line)):
            continue
        octets = _octets(data[3])[: int(data[4])]
        stream = streams.setdefault((data[1], data[2]), bytearray())
        stream += octets
        for kind, body in _packets(stream):
            if data[1] == "recvfrom" and kind == PUBLISH and _topic(body).startswith(b"lifeline/v1/"):
                yield "received", _packet_id(body)
            if data[1] == "sendto" and kind == PUBACK:
                yield "acknowledged", int.from_bytes(body[:2], "big")


def _octets(text: str) -> bytes:
    return bytes.fromhex(text.replace("\\x", ""))


def _packets(stream: bytearray) -> Iterator[tuple[int, bytes]]:
    """Take the whole packets off the beginning of `stream`: type and content behind the length."""
    while len(stream) >= 2:
        length, place = 0, 1
        while place < len(stream) and place <= 4:
            length |= (stream[place] & 0x7F) << (7 * (place - 1))
            place += 1
            if not stream[place - 1] & 0x80:
                break
        else:
            return
        if len(stream) < place + length:
            return
        yield stream[0] >> 4, bytes(stream[place : place + length])
        del stream[: place + length]


def _topic(body: bytes) -> bytes:
    return body[2 : 2 + int.from_bytes(body[:2], "big")]


def _packet_id(body: bytes) -> int:
    place = 2 + int.from_bytes(body[:2], "big")
    return int.from_bytes(body[place : place + 2], "big")
