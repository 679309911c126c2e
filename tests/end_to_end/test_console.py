import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from lifeline.demo.world import DemoWorld
from tests.end_to_end.story_rig import LINK

pytestmark = pytest.mark.end_to_end

TOWER = "T-0001"


@pytest.fixture
def orange_world(tmp_path):
    """Return the demonstration's world with its tower orange and three messages in the inbox."""
    world = DemoWorld(tmp_path / "program", "127.0.0.1")
    try:
        _wait(world, lambda: (world.app.live_state.health == 1).sum() > 50)
        world.play("zero_pressure", asset=TOWER, duration_s=600)
        _wait(world, lambda: len(_links(world)) == 3)
        yield world
    finally:
        world.stop()


def _wait(world, claim):
    import time

    assert world.wait_for(claim, 40, lambda: time.sleep(0.1))


def _links(world):
    return [found[0] for sms in world.gateway.inbox() if (found := LINK.search(sms.text))]


def _until(driver, selector, timeout_s=10):
    return WebDriverWait(driver, timeout_s).until(lambda page: page.find_element(By.CSS_SELECTOR, selector))


def test_console_overview_shows_orange_tower_and_open_alert(orange_world, chromium):
    """A browser sees the tower in orange with healthy data, and its alert on top."""
    chromium.get(orange_world.app.url)
    row = _until(chromium, f'tr[data-asset="{TOWER}"]')
    badge = row.find_element(By.CSS_SELECTOR, '[data-level="orange"]')
    assert ("橙 较大风险", "rgba(240, 124, 0, 1)") == (badge.text, badge.value_of_css_property("background-color"))
    assert _until(chromium, "#open-alerts article").text.startswith("橙 较大风险")


def test_console_open_page_refreshes_itself_when_acknowledged_on_a_phone(orange_world, chromium):
    """The button on the phone's page records the acknowledgement, and an open overview shows it without a reload."""
    chromium.get(orange_world.app.url)
    overview = chromium.current_window_handle
    chromium.switch_to.new_window("tab")
    chromium.set_window_size(390, 844)
    chromium.get(_links(orange_world)[0])
    _until(chromium, "#acknowledge").click()
    confirmed = _until(chromium, "#acknowledged").text
    chromium.switch_to.window(overview)
    name = confirmed.splitlines()[1].split()[0]
    assert WebDriverWait(chromium, 10).until(lambda page: name in page.find_element(By.ID, "open-alerts").text)


def test_console_phone_page_fits_a_phone(orange_world, chromium):
    """On a phone nothing has to be scrolled sideways, and the button is easy to hit."""
    chromium.set_window_size(500, 844)
    for address in (_links(orange_world)[0], orange_world.app.url, f"{orange_world.app.url}/assets/{TOWER}"):
        chromium.get(address)
        width, room = chromium.execute_script(
            "return [document.documentElement.scrollWidth, document.documentElement.clientWidth]"
        )
        assert width <= room
    chromium.get(_links(orange_world)[0])
    assert _until(chromium, "#acknowledge").size["height"] >= 48


def test_console_asset_page_shows_chart_and_three_phones(orange_world, chromium):
    """The asset's page draws the fall of the pressure and lists each phone with its times."""
    chromium.get(f"{orange_world.app.url}/assets/{TOWER}?lang=en")
    assert _until(chromium, "svg.chart polyline.curve").is_displayed()
    rows = chromium.find_elements(By.CSS_SELECTOR, "table.phones tbody tr")
    assert 3 == len(rows)
    assert [] == [row.text for row in rows if "+86138******" not in row.text]
