import pytest

from alerts.links import TokenPurpose, sign
from alerts.store.errors import LedgerUnavailableError


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
