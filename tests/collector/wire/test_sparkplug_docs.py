"""docs/sparkplug.md says what the program does."""

import re
from collections import Counter
from pathlib import Path

import yaml

from collector.decoders import DECODERS
from collector.decoding.subscriptions import compile_subscriptions, open_decoders
from collector.wire.sparkplug_session import REBIRTH_S, register_word
from config.register import Register
from config.settings import MqttSettings

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/sparkplug.md").read_text(encoding="utf-8")


def test_docs_subscriptions_are_accepted():
    """What the page tells to write is what the program takes."""
    [block] = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    settings = MqttSettings.model_validate(yaml.safe_load(block)["mqtt"])
    readers = compile_subscriptions(
        settings.subscriptions, open_decoders(DECODERS, Register({}, {}, [], {}, []), Counter())
    )

    assert 6 == len(readers)


def test_docs_names_are_written_as_the_register_writes_them():
    """The example's words come from the program."""
    device = ":".join(register_word(name) for name in ("Plant A", "Edge 1", "Pump 1"))

    assert f"{device},{register_word('Water/Pressure')}," in PAGE


def test_docs_counted_kinds_are_those_of_the_program():
    """Every kind of event that is counted is named, and no other."""
    code = (ROOT / "collector/wire/sparkplug_session.py").read_text(encoding="utf-8")
    counted = set(re.findall(r'"sparkplug_sessions", "([a-z_]+)"', code))
    [listed] = re.findall(r"total\{reason\}` counts (.*?)\. This", PAGE, re.DOTALL)

    assert counted == set(re.findall(r"`([a-z_]+)`", listed))


def test_docs_interval_is_that_of_the_program():
    """The page names the time between two requests."""
    assert f"at most every {REBIRTH_S:g} s" in PAGE
