import pytest


def _forget(desk):
    """Start again without snapshot and journal: the alert is closed, its end was not seen."""
    desk.stores.journal.trim(desk.stores.journal.last_position())
    desk.new_stage().restore()


def _end(desk):
    """Let the pressure come back."""
    desk.feed(0.35, 20)
    desk.judge()


@pytest.mark.parametrize(("close", "is_seen"), [(_forget, False), (_end, True)])
def test_pages_of_a_closed_alert_say_whether_its_end_was_seen(browser, desk, close, is_seen):
    """Neither the console nor the page behind the link claims an end that nobody saw."""
    alert = desk.orange()
    close(desk)
    paths = [browser.link(alert), f"/alerts/{alert.id}", "/assets/T-0001"]
    pages = [browser.get(path).text for path in paths]
    assert [is_seen] * 3 == ["已解除" in page for page in pages]
    assert [not is_seen] * 3 == ["险情是否消除未经确认" in page for page in pages]
