import re

import pytest

from alerts.links import MAX_AGE_NS, TokenPurpose, sign
from lifeline.console.cards import OPERATOR


def test_acknowledge_page_get_shows_alert_and_changes_nothing(browser, desk):
    """Opening the link, as every link preview does, shows the alert and its button, and acknowledges nothing."""
    alert = desk.orange()
    page = browser.get(browser.link(alert))
    assert (200, True, True) == (page.status_code, "翡翠苑1号楼" in page.text, 'id="acknowledge"' in page.text)
    assert desk.stores.ledger.alerts.find(alert.id).acknowledged_ns is None


def test_acknowledge_page_post_records_who_and_when(browser, desk):
    """The button records the contact behind the link and shows it."""
    alert = desk.orange()
    contact = desk.stores.ledger.outbox.read_deliveries(alert.id)[0].notification.contact
    answer = browser.post(browser.link(alert))
    assert (303, contact) == (answer.status_code, desk.stores.ledger.alerts.find(alert.id).acknowledged_by)
    shown = browser.get(answer.headers["location"]).text
    assert desk.configuration.register.contacts[contact].name_zh in shown


def test_acknowledge_page_pressed_twice_keeps_first_time(browser, desk):
    """The first press counts."""
    alert = desk.orange()
    browser.post(browser.link(alert))
    first_ns = desk.stores.ledger.alerts.find(alert.id).acknowledged_ns
    desk.now_ns += 60_000_000_000
    browser.post(browser.link(alert))
    assert first_ns == desk.stores.ledger.alerts.find(alert.id).acknowledged_ns


def test_acknowledge_page_needs_no_script(browser, desk):
    """The page works on any phone: nothing on it is script, and none would be allowed to run."""
    page = browser.get(browser.link(desk.orange()))
    assert "<script" not in page.text
    assert "script-src" not in page.headers["Content-Security-Policy"]


def test_acknowledge_page_text_carries_no_link(browser, desk):
    """The button stands in the place of the message's own link and its label."""
    page = browser.get(browser.link(desk.orange())).text
    assert ("http://console/a/" not in page, "确认：" not in page) == (True, True)


@pytest.mark.parametrize("token", ["forged", "a" * 38, "%00", "%F0%9F%94%A5", "..%2F..%2Fhealth", "x" * 3000])
@pytest.mark.parametrize("method", ["get", "post"])
def test_acknowledge_page_forged_token_is_refused(browser, token, method):
    """Whatever stands in the link, only our own signature opens it."""
    answer = getattr(browser, method)(f"/a/{token}")
    assert 404 == answer.status_code


def test_acknowledge_page_receipt_token_is_refused(browser, desk):
    """A token for delivery reports does not acknowledge."""
    delivery = desk.stores.ledger.outbox.read_deliveries(desk.orange().id)[0]
    token = sign(desk.links.secret, delivery.notification.id, TokenPurpose.RECEIPT)
    assert 404 == browser.post(f"/a/{token}").status_code


def test_acknowledge_page_unknown_notification_is_refused(browser, desk):
    """A signature over an id that the ledger does not have opens nothing."""
    assert 404 == browser.get(f"/a/{sign(desk.links.secret, '0' * 24)}").status_code


def test_acknowledge_page_expired_link_is_refused(browser, desk):
    """After its lifetime a link neither shows nor acknowledges."""
    alert = desk.orange()
    link = browser.link(alert)
    desk.now_ns += MAX_AGE_NS + 1
    assert [410, 410, None] == [
        browser.get(link).status_code,
        browser.post(link).status_code,
        desk.stores.ledger.alerts.find(alert.id).acknowledged_ns,
    ]


def test_acknowledge_page_guessing_is_limited_but_valid_links_work(browser, desk):
    """Ten wrong links a minute are answered, then no more; a real link from the same address still opens."""
    alert = desk.orange()
    codes = [browser.get(f"/a/guess{i}").status_code for i in range(12)]
    assert ([404] * 10 + [429] * 2, 200) == (codes, browser.get(browser.link(alert)).status_code)


def test_acknowledge_page_large_form_is_refused(browser, desk):
    """The button sends no large form."""
    assert 413 == browser.post(browser.link(desk.orange()), content=b"x" * 5000).status_code


def test_acknowledge_on_console_records_chosen_contact(browser, desk):
    """The operator acknowledges in the name of a recipient."""
    alert = desk.orange()
    fields = {"contact": alert.recipients[0].contact, "proof": _proof(browser.get("/").text, alert)}
    answer = browser.post(f"/alerts/{alert.id}/acknowledge", data=fields)
    assert (303, alert.recipients[0].contact) == (
        answer.status_code,
        desk.stores.ledger.alerts.find(alert.id).acknowledged_by,
    )


@pytest.mark.parametrize(
    "fields",
    [
        {"contact": OPERATOR, "proof": "forged"},
        {"contact": OPERATOR},
        {"contact": "somebody-else", "proof": None},
        {},
    ],
)
def test_acknowledge_on_console_without_proof_or_with_stranger_is_refused(browser, desk, fields):
    """A form of another site, or a name that is no recipient, acknowledges nothing."""
    alert = desk.orange()
    if "proof" in fields and fields["proof"] is None:
        fields = fields | {"proof": _proof(browser.get("/").text, alert)}
    answer = browser.post(f"/alerts/{alert.id}/acknowledge", data=fields)
    assert (403, None) == (answer.status_code, desk.stores.ledger.alerts.find(alert.id).acknowledged_ns)


def _proof(page, alert):
    form = re.search(rf'action="/alerts/{alert.id}/acknowledge.*?name="proof" value="([0-9a-f]+)"', page, re.DOTALL)
    return form[1]
