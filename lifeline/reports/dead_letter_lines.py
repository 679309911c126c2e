"""Dead letters as lines of text, and the claim that a letter is complete.

Input: dead letters.
Output: lines.
Not responsible for: publishing them again; `lifeline.district.republishing` does. The journal deletes the oldest.
Rejects: nothing.
"""

import hashlib
import json

from collector.dead_letter import DeadLetter, DeadLetterReason, is_cut


def format_dead_letter(letter: DeadLetter) -> str:
    """Return one dead letter as a JSON line; bytes that are not UTF-8 and control characters are escaped."""
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
    return escape_control_characters(line)


def escape_control_characters(text: str) -> str:
    """Return `text` with everything escaped that could command a terminal."""
    return "".join(each if each.isprintable() else json.dumps(each)[1:-1] for each in text)


def is_republishable(letter: DeadLetter) -> bool:
    """Return whether publishing `letter` again would be the same message: from a topic, and not cut."""
    return letter.reason is not DeadLetterReason.HISTORY_REJECTED and bool(letter.topic) and not is_cut(letter)
