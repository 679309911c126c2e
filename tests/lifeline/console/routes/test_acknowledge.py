import pytest

from alerts.links import MAX_AGE_NS, TokenPurpose, sign
from alerts.store.errors import LedgerUnavailableError


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
    """Nobody sends a novel with the button."""
    assert 413 == browser.post(browser.link(desk.orange()), content=b"x" * 5000).status_code


def test_receipt_delivered_is_stored_once(browser, desk):
    """A gateway's report is stored under its notification; the same again changes nothing."""
    alert = desk.orange()
    notification = desk.stores.ledger.outbox.read_deliveries(alert.id)[0].notification.id
    path = desk.links.receipt_link("sms", notification).removeprefix("http://console").replace("%d", "1")
    codes = [browser.get(path).status_code, browser.post(path).status_code]
    assert ([200, 200], (1,)) == (
        codes,
        tuple(code for code, _ in desk.stores.ledger.outbox.read_deliveries(alert.id)[0].receipts),
    )


@pytest.mark.parametrize(("token", "status"), [("forged", "1"), (None, "99"), (None, "x"), (None, "")])
def test_receipt_forged_or_of_unknown_type_is_refused(browser, desk, token, status):
    """A report that is not ours, or says nothing that we know, changes nothing."""
    notification = desk.stores.ledger.outbox.read_deliveries(desk.orange().id)[0].notification.id
    token = token or sign(desk.links.secret, notification, TokenPurpose.RECEIPT)
    assert 404 == browser.get(f"/receipts/sms/{token}", params={"status": status}).status_code


def test_receipt_while_the_ledger_is_away_asks_the_gateway_to_repeat_it(browser, desk, monkeypatch):
    """The answer is 503: a report that was answered otherwise would never come again."""
    delivery = desk.stores.ledger.outbox.read_deliveries(desk.orange().id)[0]

    def away(*_arguments):
        raise LedgerUnavailableError("connection refused", "OperationalError")

    monkeypatch.setattr(desk.stores.ledger.outbox, "record_receipt", away)
    url = desk.links.receipt_link("sms", delivery.notification.id).replace("%d", "1").removeprefix("http://console")
    assert 503 == browser.get(url).status_code
