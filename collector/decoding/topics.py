"""MQTT topics: templates with named levels, filters, and the validity of a topic.

Input: topic strings, and the templates of the subscriptions.
Output: named fields.
Not responsible for: the register and the payload.
Rejects: topics and templates that are not valid, with the reason.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

MAX_TOPIC_BYTES = 1024
"""Longest topic accepted. Source: assumed, twelve levels of 80 bytes; MQTT 3.1.1 section 1.5.3 allows 65,535."""


_LEVEL = re.compile(r"([^{}+#]*)\{(\w+)\}([^{}+#]*)|[^{}+#]+")


@dataclass(frozen=True, slots=True)
class TopicTemplate:
    """A topic with named levels, taken apart once."""

    text: str
    pattern: re.Pattern[str]
    """Matches the topics of this shape; its groups are the fields, never empty."""

    @property
    def fields(self) -> frozenset[str]:
        """Names in braces."""
        return frozenset(self.pattern.groupindex)

    def match(self, topic: str) -> Mapping[str, str] | None:
        """Return the fields of `topic`, or None when it has another shape or an empty field."""
        found = self.pattern.fullmatch(topic)
        return found.groupdict() if found else None


def compile_template(text: str) -> TopicTemplate:
    """Return the template of `text`, e.g. `lifeline/v1/{domain}/{asset}/{device}/up`; a level `_` means nothing.

    A field may have text around it, `Datastreams({device})`; a topic may begin with `/`, as those of FIWARE do.

    Raises:
        ValueError: a level is empty or mixes text and several fields, or a field is named twice.
    """
    patterns: list[str] = []
    names: list[str] = []
    for place, level in enumerate(text.split("/")):
        if level == "" and place == 0 and len(text) > 1:
            patterns.append("")
            continue
        found = _LEVEL.fullmatch(level)
        if found is None or (found[2] is not None and not found[2].isidentifier()):
            raise ValueError(f"level {place + 1} of {text!r}: expected plain text or one {{field}}, got {level!r}")
        if found[2] in names:
            raise ValueError(f"level {place + 1} of {text!r}: expected each field once, got {{{found[2]}}} again")
        if found[2] is None:
            patterns.append("[^/]*" if level == "_" else re.escape(level))
        else:
            names.append(found[2])
            patterns.append(f"{re.escape(found[1])}(?P<{found[2]}>[^/]+){re.escape(found[3])}")
    return TopicTemplate(text, re.compile("/".join(patterns), re.DOTALL))


def filter_matches(topic_filter: str, topic: str) -> bool:
    """Return whether the MQTT filter with `+` and `#` covers `topic`. Source: MQTT 3.1.1 section 4.7."""
    if topic.startswith("$") and not topic_filter.startswith("$"):
        return False
    wanted = topic_filter.split("/")
    parts = topic.split("/")
    for place, level in enumerate(wanted):
        if level == "#":
            return True
        if place >= len(parts) or level not in ("+", parts[place]):
            return False
    return len(wanted) == len(parts)


def topic_problem(topic: str) -> str:
    """Return the problem of a received topic, empty when it is valid.

    A byte that is not UTF-8 is expected as a lone surrogate (`surrogateescape`).
    """
    try:
        size = len(topic.encode())
    except UnicodeEncodeError as error:
        return f"topic: expected UTF-8, got byte {ord(topic[error.start]) & 0xFF:#04x} at character {error.start}"
    if not 0 < size <= MAX_TOPIC_BYTES:
        return f"topic: expected 1 to {MAX_TOPIC_BYTES} bytes, got {size}"
    forbidden = sorted(set(topic) & set("+#\0"))
    if forbidden:
        return f"topic: expected no wildcard and no NUL, got {forbidden}"
    if topic == "/" or "" in topic.split("/")[1:]:
        return "topic: expected no empty level"
    return ""
