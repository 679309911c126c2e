import pytest


@pytest.mark.parametrize(
    ("lang", "title", "nothing"),
    [("zh", "报警质量", "没有频繁波动"), ("en", "Alarm quality", "No alarm chatters")],
)
def test_quality_page_of_a_calm_city_says_so(browser, lang, title, nothing):
    """Nothing to mend, in both languages."""
    text = browser.get(f"/quality?lang={lang}").text

    assert (True, True) == (f"<h2>{title}</h2>" in text, nothing in text)


def test_quality_page_lists_the_alarm_that_chatters(browser):
    """A chattering alarm is listed with its place; its one open alert shows the time of its end message."""
    desk = browser.desk
    desk.stage.restore()
    for _ in range(2):
        desk.feed(0.0, 7)
        desk.feed(0.35, 17)
    desk.evaluate()
    text = browser.get("/quality?lang=en").text

    assert 'data-id="fire_water.zero_pressure/FT-0001.pressure_kpa"' in text
    assert 'href="/assets/T-0001?lang=en"' in text
    [alert] = [each for each in desk.stores.ledger.alerts.read_open() if "zero_pressure" in each.rule]
    pages = [browser.get(path).text for path in (f"/alerts/{alert.id}?lang=en", "/?lang=en")]
    assert "over: its end is told once it has stayed calm" in pages[0]
    for page in pages:
        assert "over since <time>2025-03-24 08:01:14</time>" in page
        assert "its end is told at <time>2025-03-24 08:02:14</time>" in page
