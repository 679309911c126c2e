"""I/O: dead letters for people: one line each, and back to the broker when their cause is mended.

Comes in: dead letters, the broker's address. Goes out: lines; publications at QoS 1. Refuses to delete any: the journal
evicts the oldest at its quota.
"""

import hashlib
import json
import re
from collections.abc import Sequence

from collector.dead_letter import DeadLetter, Reason
from config.settings import MqttSettings
from simulators.publisher import Publisher

_CUT = re.compile(r"\(first \d+ of \d+ bytes, sha256 [0-9a-f]{64}\)$")
_DRAIN_S = 30.0


def letter_line(letter: DeadLetter) -> str:
    """Return one dead letter as a JSON line; bytes that are not UTF-8 and what could command a terminal are escaped."""
    line = json.dumps(
        {
            "received_ns": letter.received_ns,
            "reason": letter.reason.value,
            "topic": letter.topic,
            "detail": letter.detail,
            "payload": letter.payload.decode(errors="backslashreplace"),
            "sha256": hashlib.sha256(letter.payload).hexdigest(),
        },
        ensure_ascii=False,
    )
    return "".join(each if each.isprintable() else json.dumps(each)[1:-1] for each in line)


def is_whole(letter: DeadLetter) -> bool:
    """Return whether publishing `letter` again would be the same message: from a topic, and not cut."""
    return letter.reason is not Reason.HISTORY_REJECTED and bool(letter.topic) and not _CUT.search(letter.detail)


def republish(letters: Sequence[DeadLetter], mqtt: MqttSettings) -> tuple[int, int]:
    """Publish `letters`, given newest first, in the order of their arrival; returns (published, kept back).

    Raises:
        PublishError: the broker does not take them.
    """
    whole = [letter for letter in reversed(letters) if is_whole(letter)]
    if not whole:
        return 0, len(letters)
    publisher = Publisher(
        mqtt.host,
        mqtt.port,
        client_id=f"{mqtt.client_id}-retry",
        username=mqtt.username,
        password=mqtt.password.get_secret_value() if mqtt.password else None,
        tls=mqtt.tls,
    )
    publisher.start()
    try:
        for letter in whole:
            publisher.publish(letter.topic, letter.payload)
        publisher.drain(_DRAIN_S)
    finally:
        publisher.stop()
    return len(whole), len(letters) - len(whole)
