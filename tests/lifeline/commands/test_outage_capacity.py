import re
from pathlib import Path

import pytest

from collector.batch import make_batch
from collector.journal.sqlite import SqliteJournal
from config.loading import load_quantities
from config.settings import Settings
from lifeline.commands.outage_capacity import (
    MessageRates,
    describe_outage_capacity,
    estimate_rates,
    journal_hours,
    queue_messages,
)
from simulators.district import District

ROOT = Path(__file__).parents[3]


def test_load_counts_a_message_for_each_device_and_a_reading_for_each_sensor(register):
    """Two devices with two channels at a cadence of 2 s send one message and two readings a second."""
    assert MessageRates(1.0, 2.0) == estimate_rates(register)


def test_load_of_the_demo_district_is_what_its_devices_send(desk):
    """The formula agrees with the simulated district within a few percent."""
    register = desk.configuration.register
    sent = District(register, load_quantities(), seed=1).between(desk.now_ns, desk.now_ns + 600 * 10**9)
    load = estimate_rates(register)
    assert load.messages_per_s == pytest.approx(len(sent) / 600, rel=0.05)


@pytest.mark.parametrize(("rate", "outage_s", "expected"), [(11.0, 3600, 39_600), (0.3, 1, 1), (2000, 3600, 7_200_000)])
def test_queue_holds_rate_times_outage(rate, outage_s, expected):
    """The messages of the outage must fit, rounded up."""
    assert expected == queue_messages(MessageRates(rate, rate), outage_s)


def test_broker_configuration_that_ships_holds_an_hour_at_2000_messages_a_second():
    """The limits of deploy/mosquitto are those of the formula."""
    text = (ROOT / "deploy/mosquitto/mosquitto.conf").read_text()
    limit = int(re.search(r"^max_queued_messages (\d+)$", text, re.MULTILINE)[1])
    assert limit >= queue_messages(MessageRates(2000, 2000), 3600)


@pytest.mark.parametrize("readings", [1, 10, 500])
def test_journal_hours_agree_with_a_real_journal(tmp_path, readings):
    """The bytes of a commit and of a reading are those that the file really takes."""
    journal = SqliteJournal(tmp_path / "journal.db", ("a",), 64 << 20, 0)
    for i in range(1, 2001):
        journal.append([make_batch(i, [0] * readings, range(readings), [1.0] * readings, [0] * readings)])
    used = journal.status().bytes
    journal.close()
    # 2,000 commits are 2,000 s at one commit a second
    assert 2000 / 3600 == pytest.approx(journal_hours(MessageRates(1.0, float(readings)), used, 0.005), rel=0.25)


def test_capacity_of_a_small_journal_says_so(register):
    """A journal that holds less than its retention at this load is pointed out."""
    small, large = (Settings.model_validate({"journal": {"max_mb": mb}}) for mb in (16, 4096))
    said = ["\n".join(describe_outage_capacity(register, settings)) for settings in (small, large)]
    assert [True, False] == ["JOURNAL SMALLER" in text for text in said]


def test_capacity_names_the_setting_of_the_broker(register):
    """The line gives the number to write into the broker's configuration."""
    text = "\n".join(describe_outage_capacity(register, Settings()))
    assert "3600 for 1 h, 86400 for 24 h" in text
    assert "full after 1e+03 s" in text
