from dataclasses import replace

import pytest

from alerts.alert import LedgerStep, Plan
from lifeline.console.security import form_proof
from rules.events import join_events


def _forget(desk):
    """Start again without snapshot and journal: the alert is closed, its end was not seen."""
    desk.stores.journal.trim(desk.stores.journal.last_position())
    desk.new_stage().restore()


def _end(desk):
    """Let the pressure come back."""
    desk.feed(0.35, 20)
    desk.evaluate()


@pytest.mark.parametrize(("close", "is_seen"), [(_forget, False), (_end, True)])
def test_pages_of_a_closed_alert_say_whether_its_end_was_seen(browser, desk, close, is_seen):
    """Neither the console nor the page of the link claims an end that was not observed."""
    alert = desk.orange()
    close(desk)
    paths = [browser.link(alert), f"/alerts/{alert.id}", "/assets/T-0001"]
    pages = [browser.get(path).text for path in paths]
    assert [is_seen] * 3 == ["已解除" in page for page in pages]
    assert [not is_seen] * 3 == ["险情是否消除未经确认" in page for page in pages]


def test_alert_page_takes_what_the_alert_turned_out_to_be(browser, desk):
    """The operator says it in a name of the list, with a cause; it is shown and can be changed."""
    alert = desk.orange()
    proof = form_proof(desk.links.secret, alert.id)
    fields = {
        "disposition": "maintenance",
        "cause": "更换 <阀门>",
        "contact": alert.recipients[0].contact,
        "proof": proof,
    }
    answer = browser.post(f"/alerts/{alert.id}/label", data=fields)
    page = browser.get(f"/alerts/{alert.id}").text

    assert 303 == answer.status_code
    assert (True, True) == ("检修 · 更换 &lt;阀门&gt; · " in page, f'action="/alerts/{alert.id}/label' in page)


@pytest.mark.parametrize(
    "change", [{"proof": "forged"}, {"disposition": "perhaps"}, {"contact": "stranger"}, {"cause": "x" * 301}]
)
def test_alert_page_refuses_labels_of_strangers_and_of_no_sense(browser, desk, change):
    """Nothing is stored."""
    alert = desk.orange()
    fields = {"disposition": "true", "contact": "console", "proof": form_proof(desk.links.secret, alert.id)}
    answer = browser.post(f"/alerts/{alert.id}/label", data=fields | change)

    assert (403, ()) == (answer.status_code, desk.stores.ledger.labels.read(alert.id))


@pytest.fixture
def half_over(desk):
    """Return an alert that is over, while another of its incident is not."""
    alert = desk.orange()
    ledger = desk.stores.ledger
    over = replace(alert, is_open=False, level=0)
    other = replace(alert, id="f" * 24, subject="any/other", incident=alert.incident)
    cursor = ledger.take_over()
    ledger.commit_step(LedgerStep(cursor, cursor.position, join_events([]), (), Plan(alerts=(over, other))))
    return over


def test_pages_of_an_alert_that_is_over_say_that_its_incident_lasts(browser, half_over):
    """The page of the link does not present the end of one alarm as the end of the danger."""
    pages = browser.get(f"/alerts/{half_over.id}?lang=en").text, browser.get(browser.link(half_over)).text

    assert [True, True] == [
        words in page for words, page in zip(("its incident is not", "险情仍在"), pages, strict=True)
    ]
    assert f'<a href="/alerts/{"f" * 24}?lang=en">' in pages[0]
