"""MQTT topics: which subscription a topic belongs to and what its levels say.

Comes in: topic strings and the templates of the subscriptions. Goes out: named fields, or why a topic is not valid.
Refuses to know the register and the payload.
"""

from collections.abc import Mapping
from dataclasses import dataclass

MAX_TOPIC_BYTES = 1024
"""Longest topic accepted. Source: assumed, twelve levels of 80 bytes; MQTT 3.1.1 section 1.5.3 allows 65,535."""


@dataclass(frozen=True, slots=True)
class TopicTemplate:
    """A topic with named levels, taken apart once."""

    text: str
    levels: tuple[str, ...]
    """Literal text of each level, empty where any text fits."""
    fields: tuple[tuple[int, str], ...]
    """(place, name) of each field."""

    def match(self, topic: str) -> Mapping[str, str] | None:
        """Return the fields of `topic`, or None when it has another shape or an empty field."""
        parts = topic.split("/")
        if len(parts) != len(self.levels):
            return None
        if any(level and level != part for level, part in zip(self.levels, parts, strict=True)):
            return None
        found = {name: parts[place] for place, name in self.fields}
        return found if all(found.values()) else None


def compile_template(text: str) -> TopicTemplate:
    """Return the template of `text`, e.g. `lifeline/v1/{domain}/{asset}/{device}/up`; a level `_` means nothing.

    Raises:
        ValueError: a level is empty or mixes text and field, or a field is named twice.
    """
    levels: list[str] = []
    fields: list[tuple[int, str]] = []
    for place, level in enumerate(text.split("/")):
        if level == "_":
            levels.append("")
            continue
        name = level[1:-1] if level.startswith("{") and level.endswith("}") else ""
        if not level or (not name and set(level) & set("{}+#")) or (name and not name.isidentifier()):
            raise ValueError(f"level {place + 1} of {text!r}: expected plain text or one {{field}}, got {level!r}")
        if name in (known for _, known in fields):
            raise ValueError(f"level {place + 1} of {text!r}: expected each field once, got {{{name}}} again")
        levels.append("" if name else level)
        if name:
            fields.append((place, name))
    return TopicTemplate(text, tuple(levels), tuple(fields))


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
    """Return what is wrong with a received topic, empty when nothing is.

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
    if "" in topic.split("/"):
        return "topic: expected no empty level"
    return ""
