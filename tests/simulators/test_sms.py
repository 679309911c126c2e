import json

import pytest

from config.city_time import CityTime
from config.levels import WarningLevel
from simulators.sms import Sms, colour_of, inbox_json, inbox_page

ORANGE = Sms(
    1,
    "10690",
    "+8613800000001",
    "【Lifeline】橙色预警·较大风险：翡翠苑1号楼 确认：http://h:80/a/x_-",
    1_790_000_000 * 10**9,
)
OVER = Sms(2, "10690", "+8613800000001", "【Lifeline】恢复正常：翡翠苑1号楼（原橙色预警）。", 1_790_000_060 * 10**9)


@pytest.mark.parametrize(
    ("text", "colour"),
    [
        *((f"{level.colour_zh}色预警·{level.zh}：甲楼", level.hex) for level in WarningLevel),
        *((f"{level.name} warning, {level.en}: Tower 1", level.hex) for level in WarningLevel),
        (OVER.text, WarningLevel.GREEN.hex),
        ("Back to normal: Tower 1 (was ORANGE).", WarningLevel.GREEN.hex),
        ("设备故障（非险情）：甲楼", "#7a828c"),
        ("你好", "#c9ced6"),
    ],
)
def test_colour_of_text_is_that_of_its_level(text, colour):
    """A message is coloured by the level that it names, green when it is over, grey for a device."""
    assert colour == colour_of(text)


def test_inbox_page_shows_the_newest_message_first():
    """The last message stands on top, as on a phone."""
    page = inbox_page([ORANGE, OVER], CityTime())

    assert page.index("恢复正常") < page.index("较大风险")


def test_inbox_page_link_can_be_tapped():
    """The acknowledge link is an anchor; Chinese punctuation behind it does not belong to it."""
    page = inbox_page([Sms(1, "a", "b", "确认：https://h/a/tok-en_=。谢谢", 0)], CityTime())

    assert '<a href="https://h/a/tok-en_=" target="_blank">https://h/a/tok-en_=</a>。谢谢' in page


@pytest.mark.parametrize("field", ["sender", "to", "text"])
def test_inbox_page_markup_in_a_message_is_escaped(field):
    """Nothing that a message contains becomes markup, also not inside a link."""
    fields = {"sender": "a", "to": "b", "text": "c", field: "<script>\"'</script> http://h/?a=<b>\"'&c"}

    page = inbox_page([Sms(id=1, received_ns=0, **fields)], CityTime())

    assert "<script>" not in page
    assert "<b>" not in page
    assert "\"'" not in page


def test_inbox_page_without_messages_says_so():
    """An empty inbox is a page, too."""
    assert "还没有短信" in inbox_page([], CityTime())


def test_inbox_json_lists_messages_with_kannel_names():
    """Each message is an object with id, from, to, text and received_ns, oldest first."""
    rows = json.loads(inbox_json([ORANGE, OVER]))

    assert [1, 2] == [row["id"] for row in rows]
    assert {"id", "from", "to", "text", "received_ns"} == rows[0].keys()
    assert ORANGE.text == rows[0]["text"]
