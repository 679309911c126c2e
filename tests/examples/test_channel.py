"""The example of a channel: one file and one line in the table."""

import pytest

from alerts.channels import CHANNELS
from alerts.channels.loading import open_channels
from alerts.notification import Channel, Notification, NotificationKind, Verdict
from config.errors import ConfigError
from config.settings import ChannelSettings
from examples.channel import text_file
from tests.alerts.scenes import LINKS

WARNING = Notification(
    "00112233445566778899aabb",
    "a1",
    NotificationKind.RAISED,
    "out",
    "ann",
    "+8613800000000",
    4,
    "橙色预警：\n压力0 MPa",
    "{}",
    0,
)


@pytest.fixture(autouse=True)
def _table(monkeypatch) -> None:
    """Put the channel into the table, as its one line would."""
    monkeypatch.setitem(CHANNELS, "text_file", text_file.KIND)


def opened(**options: str) -> Channel:
    """Return the channel as the settings open it."""
    return open_channels([ChannelSettings(name="out", kind="text_file", options=options)], LINKS)["out"]


def test_message_is_one_line_of_the_file(tmp_path):
    """Id, address and text stand in one line, and the outcome says that the message left."""
    channel = opened(path=str(tmp_path / "messages.txt"))
    outcomes = [channel.send(WARNING).verdict for _ in range(2)]
    channel.close()
    line = "00112233445566778899aabb +8613800000000 橙色预警： 压力0 MPa"

    assert [Verdict.SENT] * 2 == outcomes
    assert [line, line] == (tmp_path / "messages.txt").read_text(encoding="utf-8").splitlines()


def test_file_that_cannot_be_written_is_tried_again(tmp_path):
    """The dispatcher sends the identical notification later."""
    outcome = opened(path=str(tmp_path / "missing" / "messages.txt")).send(WARNING)

    assert (Verdict.RETRY, True) == (outcome.verdict, outcome.reason.startswith("cannot write"))


def test_option_that_is_misspelt_is_an_error_with_its_place():
    """The settings are rejected before anything starts."""
    with pytest.raises(ConfigError, match="file"):
        opened(file="x")
