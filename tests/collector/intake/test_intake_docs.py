import re
from pathlib import Path

import pytest

from collector.batch import Quality
from collector.dead_letter import DeadLetterReason
from collector.decoders import DECODERS
from collector.decoding.pipeline import RawMessage
from collector.payload import PayloadError
from config.settings import default_subscriptions
from tests.collector.registers import NOW_NS, pipeline

DOCS = Path(__file__).parents[3] / "docs"
DEVICES = (DOCS / "devices.md").read_text(encoding="utf-8")
FIELDS = {"domain": "fire", "asset": "T-1", "device": "FT-1", "channel": "pressure_kpa"}


def _headings(text: str) -> list[str]:
    return re.findall(r"^#{2,3} `?([^`\n]+)`?$", text, re.MULTILINE)


def _examples(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)\n```", DEVICES, re.DOTALL)


def test_docs_of_dead_letters_have_a_heading_for_each_reason():
    """Every reason can be looked up, and nothing else is there."""
    text = (DOCS / "dead-letters.md").read_text(encoding="utf-8")

    assert sorted(DeadLetterReason) == sorted(_headings(text))


def test_docs_of_devices_have_a_heading_for_our_own_decoders():
    """Both formats of our own devices have their section; docs/formats.md has all."""
    assert {"lifeline_json", "plain_value"} <= set(_headings(DEVICES)) & set(DECODERS)


@pytest.mark.parametrize("flag", [flag for flag in Quality if flag])
def test_docs_of_devices_explain_each_quality_flag(flag):
    """Every flag that a reading can carry has its row."""
    assert f"| `{str(flag.name).lower()}` | {int(flag)} |" in DEVICES


@pytest.mark.parametrize("subscription", default_subscriptions(), ids=lambda each: each.decoder)
def test_docs_of_devices_show_the_topics_of_the_settings(subscription):
    """The topics that the program subscribes to are those of the page."""
    assert subscription.template in DEVICES


@pytest.mark.parametrize("payload", _examples("json"))
def test_docs_example_in_json_is_decoded(payload):
    """What an integrator copies from the page is read."""
    columns = DECODERS["lifeline_json"].decode(payload.encode(), FIELDS, 1000)

    assert columns.channel


@pytest.mark.parametrize("payload", _examples("text"))
def test_docs_example_of_a_plain_value_is_decoded(payload):
    """What an integrator copies from the page is read."""
    columns = DECODERS["plain_value"].decode(payload.encode(), FIELDS, 1)

    assert columns.channel


def test_docs_examples_refused_are_refused_for_the_reason_beside_them():
    """The table of mistakes tells the truth."""
    rows = re.findall(r"^\| `(\{.*?\})` \| `(\w+)` \|", DEVICES, re.MULTILINE)
    found = []
    for payload, _ in rows:
        with pytest.raises(PayloadError) as caught:
            DECODERS["lifeline_json"].decode(payload.encode(), FIELDS, 1000)
        found.append(str(caught.value.reason))

    assert len(rows) > 5
    assert [reason for _, reason in rows] == found


def test_docs_first_example_becomes_readings_of_a_registered_device():
    """The first example of the page passes the whole pipeline."""
    batch, dead = pipeline(past_tolerance_days=3650).decode(
        [RawMessage("lifeline/v1/fire/T-1/FT-1/up", _examples("json")[0].encode())], NOW_NS
    )

    assert (2, []) == (len(batch), dead)
