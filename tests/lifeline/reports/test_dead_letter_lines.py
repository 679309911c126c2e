import json

import pytest

from collector.dead_letter import DeadLetter, DeadLetterReason
from lifeline.reports.dead_letter_lines import format_dead_letter, is_republishable


@pytest.mark.parametrize(
    ("reason", "topic", "detail", "expected"),
    [
        (DeadLetterReason.UNKNOWN_SENSOR, "lifeline/v1/fire/T-1/FT-9/up", "no such device", True),
        (DeadLetterReason.TOO_LARGE, "lifeline/x", f"too large (first 4096 of 70000 bytes, sha256 {'0' * 64})", False),
        (DeadLetterReason.HISTORY_REJECTED, "history/FT-1.pressure", "field type conflict", False),
        (DeadLetterReason.TOPIC, "", "empty topic", False),
    ],
)
def test_is_republishable_only_what_can_be_published_identically(reason, topic, detail, expected):
    """A cut payload, a point of the history, and a letter without a topic are kept back."""
    assert expected == is_republishable(DeadLetter(1, topic, b"x", reason, detail))


@pytest.mark.parametrize("text", ["\x1b]0;owned\x07", "\x9b2J", "a\u202eb", "\x7f", "line\nline", "\u2028", "\udcff"])
def test_letter_line_never_commands_a_terminal(text):
    """Whatever stands in a topic or payload is text, on one line, and can be read back."""
    line = format_dead_letter(
        DeadLetter(1, text, text.encode(errors="replace"), DeadLetterReason.TOPIC, f"topic: 消防 {text}")
    )

    assert line.isprintable()
    assert "消防" in line
    assert text == json.loads(line)["topic"]
