import re
from pathlib import Path

import pytest
import yaml

from benchmarks.formats import SHAPES, reason_of
from collector.decoders import DECODERS
from collector.decoding.pipeline import Pipeline
from config.settings import IntakeSettings, Subscription
from tests.collector.decoders.cases import open_decoder
from tests.collector.registers import quantities, register

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "docs" / "formats.md").read_text(encoding="utf-8")
SECTIONS = {part.split("\n", 1)[0]: part for part in TEXT.split("\n## ")[1:]}


def subscription(name: str) -> Subscription:
    """Return the subscription that the section of `name` prints."""
    [text] = re.findall(r"```yaml\n(.*?)```", SECTIONS[name], re.DOTALL)
    return Subscription.model_validate(yaml.safe_load(text))


@pytest.mark.parametrize("name", DECODERS)
def test_section_of_a_format_has_a_subscription_that_loads(name):
    """Each format has its heading, and what stands there to copy is accepted."""
    printed = subscription(name)

    assert name == printed.decoder
    assert Pipeline(register(), quantities(), [printed], IntakeSettings())


@pytest.mark.parametrize("name", [name for name in DECODERS if re.search(r"\n\n`[^`]+`\n", SECTIONS.get(name, ""))])
def test_payload_of_a_section_is_read(name):
    """The payload that a section prints decodes with the options that it prints."""
    printed = subscription(name)
    [payload] = re.findall(r"\n\n`([^`]+)`\n", SECTIONS[name])
    columns = open_decoder(name, printed.options).decode(payload.encode(), {"device": "D", "channel": "c"}, 100)

    assert columns.channel


def test_sections_name_no_format_that_is_not_there():
    """Nothing is promised that the table does not have."""
    assert set(SECTIONS) - {"Formats of other packages"} <= set(DECODERS)


def test_benchmark_measures_every_format():
    """A format that is not measured could be slow without a word about it."""
    assert set(DECODERS) - {"lifeline_json"} == set(SHAPES)


@pytest.mark.parametrize(("name", "is_said"), [("senml_cbor", True), ("sensorthings", False)])
def test_benchmark_says_the_reason_of_the_documentation(name, is_said):
    """What the figure prints beside a slow format is what docs/formats.md says about its speed."""
    assert is_said == ("of Lifeline JSON" in reason_of(name))
