import re

import pytest

from collector.history import HistoryUnavailableError
from lifeline.console.security import HEADERS
from lifeline.self_alarms import SelfAlarm, Symptom, SystemHealth


def test_overview_orange_tower_shows_level_beside_health(browser, desk):
    """The tower in danger is orange and its data healthy: two columns, never mixed."""
    desk.orange()
    row = re.search(r'<tr data-asset="T-0001">.*?</tr>', browser.get("/").text, re.DOTALL)[0]
    assert ("橙 较大风险" in row, 'data-level="orange"' in row) == (True, True)


def test_overview_lists_open_alert_with_button(browser, desk):
    """An open alert stands on top, with a button to acknowledge."""
    alert = desk.orange()
    page = browser.get("/").text
    assert (f'data-alert="{alert.id}"' in page, "确认收到" in page) == (True, True)


def test_overview_asset_never_heard_is_not_green(browser, desk):
    """A tower of which no reading ever came has no level."""
    desk.stage.restore()
    row = re.search(r'<tr data-asset="T-0002">.*?</tr>', browser.get("/").text, re.DOTALL)[0]
    assert ("无数据，无等级" in row, "绿" in row) == (True, False)


@pytest.mark.parametrize(("query", "words"), [("", "未解除的预警"), ("?lang=zh", "等级"), ("?lang=en", "Open alerts")])
def test_overview_speaks_both_languages(browser, query, words):
    """Chinese by default, English when asked."""
    assert words in browser.get(f"/{query}").text


def test_overview_own_alarm_is_shown_on_top(browser):
    """Trouble of the system itself is never hidden behind a calm district."""
    alarm = SelfAlarm(Symptom("journal_full", "nothing is acknowledged"), 1)
    browser.health = SystemHealth(is_alive=True, is_ready=True, alarms=(alarm,))
    assert "journal_full" in browser.get("/").text


def test_asset_page_shows_chain_from_reading_to_each_phone(browser, desk):
    """Reading, rule with limit and source, event, alert and three phones stand on one page."""
    desk.orange()
    page = browser.get("/assets/T-0001").text
    shown = [words in page for words in ("0.00 MPa", "≤ 0.02 MPa", "依据", "升起", "责任人", "管理人", "维保单位")]
    assert [True] * 7 == shown


def test_asset_page_masks_phone_numbers(browser, desk):
    """No whole phone number is on any page."""
    desk.orange()
    page = browser.get("/assets/T-0001").text
    whole = [contact.phone for contact in desk.configuration.register.contacts.values() if contact.phone in page]
    assert ([], True) == (whole, "+86138******" in page)


def test_asset_page_draws_readings_with_limits(browser, desk):
    """The chart has a curve and a line for each limit of the sensor."""
    desk.orange()
    page = browser.get("/assets/T-0001").text
    assert (1, 3) == (page.count('class="curve"'), page.count('class="limit '))


def test_alert_page_lists_decisions_with_reasons(browser, desk):
    """The page of the alert has the reason for each recipient."""
    assert browser.get(f"/alerts/{desk.orange().id}").text.count("notify/routed") == 3


@pytest.mark.parametrize("path", ["/assets/none", "/alerts/none", "/none", "/static/../app.py", "/assets/%3Cscript%3E"])
def test_unknown_page_is_a_page_without_echo(browser, path):
    """An unknown address gets a page that does not repeat the address."""
    answer = browser.get(path)
    assert (404, False) == (answer.status_code, "<script>" in answer.text)


@pytest.mark.parametrize("path", ["/", "/assets/T-0001", "/api/assets", "/metrics", "/none", "/static/console.css"])
def test_every_answer_carries_the_security_headers(browser, path):
    """No answer may run foreign script, be framed, or leak where a visitor came from."""
    headers = browser.get(path).headers
    assert [] == [name for name in HEADERS if name not in headers]


def test_no_page_has_inline_script_or_style(browser, desk):
    """The content security policy can be strict because nothing is inline."""
    desk.orange()
    pages = [browser.get(path).text for path in ("/", "/assets/T-0001")]
    assert [] == [found for page in pages for found in re.findall(r"<script>|<style|\sstyle=|\son\w+=", page)]


def test_hostile_name_is_escaped(browser, desk, monkeypatch):
    """A name out of a spreadsheet is text, not markup."""
    import dataclasses

    register = desk.configuration.register
    hostile = dataclasses.replace(register.assets["T-0001"], name_zh='<img src=x onerror="alert(1)">')
    monkeypatch.setitem(register.assets, "T-0001", hostile)
    desk.orange()
    assert [True] * 2 == ["<img" not in browser.get(path).text for path in ("/", "/assets/T-0001")]


def test_asset_page_history_away_shows_the_rest(browser, desk, monkeypatch):
    """A time-series server that is away takes the chart with it, and nothing else."""
    desk.orange()

    def away(*_):
        raise HistoryUnavailableError("connection refused")

    monkeypatch.setattr(desk.stores.history, "read", away)
    page = browser.get("/assets/T-0001").text
    assert ("历史数据库暂时无法访问" in page, "0.00 MPa" in page, "管理人" in page) == (True, True, True)


def test_asset_page_tells_the_risk_and_why(browser, desk):
    """The level of the asset as a whole stands there with its reasons."""
    desk.orange()
    risk = re.search(r'<div class="row" id="risk">.*?</div>', browser.get("/assets/T-0001").text, re.DOTALL)[0]

    assert (True, True) == ("橙 较大风险" in risk, "橙色，1台设备" in risk)
