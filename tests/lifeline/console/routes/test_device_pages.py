import numpy as np
import pytest

from collector.payload import Mark

S = 1_000_000_000
NOW_NS = 1_742_774_400 * S


@pytest.fixture
def spoken(browser):
    """A browser before a district in which one terminal has spoken, numbered, with a gap, and is low."""
    desk = browser.desk
    desk.stage.restore()
    desk.feed(0.35, 3)
    desk.evaluate()
    desk.stage.live_engine.publish()
    book = desk.pipeline.devices
    for number in (1, 2, 6):
        book.seen.add(book.place["FT-0001"], Mark(number, 1, "2.4.1"))
    book.take_seen(NOW_NS)
    battery = desk.configuration.register.sensor_index["FT-0001.bat"]
    desk.stage.live_engine.state.values[battery] = 12.0
    return browser


def _set_clock(browser, behind_s):
    """Let the clock of the terminal be off by so much."""
    clocks = browser.context.clocks
    clocks.columns.offset_ns[clocks.ids.index("FT-0001")] = int(behind_s * S)


def _row(page, device):
    """Return the part of a page that is about one device."""
    return page.split(f'data-device="{device}"')[1].split("</tr>")[0]


@pytest.mark.parametrize(("lang", "state", "title"), [("zh", "从未上报", "设备"), ("en", "never heard", "Devices")])
def test_devices_page_says_how_each_is_in_both_languages(spoken, lang, state, title):
    """The list has state, charge, gaps and firmware; a device that never sent is not in order."""
    page = spoken.get(f"/devices?lang={lang}").text

    assert f"<h2>{title}</h2>" in page
    assert "2.4.1" in _row(page, "FT-0001")
    assert "12 %" in _row(page, "FT-0001")
    assert state in page


@pytest.mark.parametrize(
    ("which", "devices"), [("gaps", {"FT-0001"}), ("low_battery", {"FT-0001"}), ("offline", set()), ("silent", set())]
)
def test_devices_filter_lists_only_those(spoken, which, devices):
    """Each filter is a question that maintenance asks."""
    answer = spoken.get(f"/api/devices?filter={which}").json()

    assert devices == {row["id"] for row in answer["devices"]}
    assert len(devices) == answer["found"] == answer["counts"][which]


def test_devices_api_has_every_fact(spoken):
    """Numbers for other programs: missing messages, firmware, charge, clock."""
    _set_clock(spoken, -2.5)
    [row] = spoken.get("/api/devices?q=ft-0001").json()["devices"]

    assert {
        "missing": 3,
        "passed_over": 3,
        "repeated": 0,
        "restarts": 0,
        "is_numbered": True,
        "firmware": "2.4.1",
        "battery": 12.0,
        "messages": 3,
        "heard_ns": NOW_NS,
        "clock_behind_s": -2.5,
    }.items() <= row.items()


def test_devices_are_cut_into_pages(spoken):
    """A page behind the last is empty; nothing is shown twice."""
    total = spoken.get("/api/devices").json()["found"]

    assert [] == spoken.get("/api/devices?page=1000").json()["devices"]
    assert total == len(spoken.get("/api/devices").json()["devices"])
    assert 422 == spoken.get("/devices?page=0").status_code
    assert 422 == spoken.get("/devices?filter=colour").status_code


@pytest.mark.parametrize("search", ["%3Cscript%3E", "'", "..", "%00"])
def test_devices_search_is_text(spoken, search):
    """Whatever is looked for is found in names or not, and shown as text."""
    answer = spoken.get(f"/devices?q={search}")

    assert 200 == answer.status_code
    assert "<script>" not in answer.text


@pytest.mark.parametrize(("lang", "word"), [("zh", "慢 90.0 s"), ("en", "behind by 90.0 s")])
def test_device_page_shows_everything_known_of_it(spoken, lang, word):
    """State, charge, firmware, clock, numbers, and each sensor with value, quality and state."""
    _set_clock(spoken, 90.0)
    page = spoken.get(f"/devices/FT-0001?lang={lang}").text

    assert word in page
    assert "2.4.1" in page
    assert "3 / 0 / 0 / 0" in page
    assert "0.35 MPa" in page
    assert 'href="/assets/T-0001?' in page


def test_device_page_names_quality_flags(spoken):
    """A doubtful value is shown with its reasons."""
    number = spoken.desk.configuration.register.sensor_index["FT-0001.pressure_kpa"]
    spoken.desk.stage.live_engine.state.quality[number] = np.uint16(32 | 2)

    assert "time_server, rate" in spoken.get("/devices/FT-0001").text


def test_device_unknown_is_not_found(spoken):
    """Only devices of the register have a page."""
    assert 404 == spoken.get("/devices/FT-9999").status_code
    assert 404 == spoken.get("/api/devices/FT-9999").status_code


def test_asset_page_links_to_its_devices(spoken):
    """From the asset to the device behind each sensor."""
    assert 'href="/devices/FT-0001?lang=zh"' in spoken.get("/assets/T-0001").text
