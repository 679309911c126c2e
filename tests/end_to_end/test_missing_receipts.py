"""Row 51 with a gateway that takes every message and loses every receipt."""

import itertools
import time

import pytest

from alerts.channels.loading import open_channels
from alerts.dispatch.dispatcher import Dispatcher
from alerts.ledger.sql_ledger import open_ledger
from alerts.links import SignedLinks
from config.register import Duty, Role
from config.settings import ChannelSettings
from simulators.sms_gateway import SmsGateway
from tests.alerts import scenes
from tests.alerts.scenes import HAZARD, ORANGE, commit, raised

pytestmark = pytest.mark.end_to_end

WITHIN_S = 1.0
GRACE_S = 5.0
"""The next target has the message at most this long after the receipt was due."""


@pytest.fixture
def gateways():
    """Return two gateways that accept everything and never report."""
    running = [SmsGateway(delivery_reports=False) for _ in range(2)]
    for each in running:
        each.start()
    yield running
    for each in running:
        each.stop()


def district(links: SignedLinks) -> scenes.PlanningConfig:
    """Return the district: ann by two gateways, then cat who is on duty."""
    route = scenes.Route(
        "serious",
        scenes.Dimension.HAZARD,
        frozenset({ORANGE}),
        frozenset(),
        (Role.RESPONSIBLE,),
        ("sms",),
        (),
        ("backup",),
        next_roles=(Role.DUTY,),
    )
    where = scenes.district(route)
    register = scenes.replace(where.register, duties=[*where.register.duties, Duty("T-1", Role.DUTY, "cat")])
    return scenes.replace(where, register=register, links=links)


def wait_for(count: int, gateways: list[SmsGateway]) -> None:
    """Return when so many messages have arrived, or after twice the time that they may take."""
    end = time.monotonic() + 2 * count * (WITHIN_S + GRACE_S)
    while sum(len(each.inbox()) for each in gateways) < count and time.monotonic() < end:
        time.sleep(0.05)


def test_receipts_dropped_by_the_gateway_bring_the_next_target_in_time(gateways, tmp_path):
    """The other gateway, the next contact, the other gateway to that contact: each at most T + 5 s later."""
    links = SignedLinks("http://127.0.0.1:1", scenes.SECRET)
    options = {"username": "u", "password": "p", "receipt_within_s": WITHIN_S}
    settings = [
        ChannelSettings(name=name, kind="sms", options={**options, "url": each.send_url})
        for name, each in zip(("sms", "backup"), gateways, strict=True)
    ]
    ledger = open_ledger(f"sqlite:///{tmp_path / 'ledger.db'}")
    dispatcher = Dispatcher(ledger, open_channels(settings, links), time.time_ns)
    dispatcher.start()
    try:
        alert = commit(ledger, raised(HAZARD, ORANGE), where=district(links)).plan.alerts[0]
        dispatcher.wake()
        wait_for(4, gateways)
        arrived = sorted((sms.received_ns, i, sms.to) for i, each in enumerate(gateways) for sms in each.inbox())
        taken = [each.detail for each in ledger.decisions.read(alert.id) if each.reason == "no_receipt"]
    finally:
        dispatcher.stop()
        ledger.close()

    phones = {name: contact.phone for name, contact in district(links).register.contacts.items()}
    expected = [(0, phones["ann"]), (1, phones["ann"]), (0, phones["cat"]), (1, phones["cat"])]
    assert expected == [(i, phone) for _, i, phone in arrived]
    assert ["sms -> backup", "backup ann -> sms cat", "sms -> backup"] == taken
    gaps_s = [(b - a) / 1e9 for (a, *_), (b, *_) in itertools.pairwise(arrived)]
    assert all(WITHIN_S <= gap_s <= WITHIN_S + GRACE_S for gap_s in gaps_s), gaps_s
