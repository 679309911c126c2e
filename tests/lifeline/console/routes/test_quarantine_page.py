import json
import shlex

import pytest

from collector.dead_letter import DeadLetter, DeadLetterReason

NOW_NS = 1_742_774_400 * 1_000_000_000


def _refused(browser, device, values, topic="lifeline/v1/fire/T-0001/{}/up"):
    payload = json.dumps({"v": 1, "m": values}).encode()
    letter = DeadLetter(NOW_NS, topic.format(device), payload, DeadLetterReason.UNKNOWN_SENSOR, "not in the register")
    browser.desk.stores.journal.record_dead_letters([letter])


@pytest.mark.parametrize(("lang", "empty"), [("zh", "隔离区为空"), ("en", "Nothing in quarantine")])
def test_quarantine_page_empty_says_so(browser, lang, empty):
    """No unknown device has sent a message."""
    assert empty in browser.get(f"/quarantine?lang={lang}").text


def test_quarantine_page_has_everything_to_register(browser):
    """Topic, channels with values and quantities, ready rows and the command."""
    _refused(browser, "FT-0900", {"pressure_kpa": 401.5, "odd": 3})
    page = browser.get("/quarantine?lang=en").text

    assert "401.5" in page
    assert "FT-0900.pressure_kpa,T-0001,FT-0900,pressure_kpa,fire_water_pressure,kPa,60,," in page
    assert "lifeline quarantine register --asset=T-0001 --quantity=odd=QUANTITY:UNIT -- FT-0900" in page


def test_quarantine_names_are_text(browser):
    """A stranger chooses its own name."""
    _refused(browser, "<script>alert(1)<", {"<b>": 1})
    page = browser.get("/quarantine").text

    assert "<script>alert" not in page
    assert "<b>" not in page


@pytest.mark.parametrize("name", ["$(reboot)", "a;reboot", "`reboot`", "--help", "a'b", "a b"])
def test_quarantine_command_is_safe_to_paste(browser, name):
    """A stranger's name is one word of the command, whatever it is."""
    _refused(browser, name, {f"{name}.x": 1})
    [row] = browser.get("/api/quarantine").json()["devices"]
    words = shlex.split(row["command"])

    assert ["--", name] == words[-2:]
    assert f"--quantity={name}.x=QUANTITY:UNIT" in words


def test_quarantine_api_lists_devices_with_rows(browser):
    """The same for other programs."""
    _refused(browser, "X-1", {"bat": 50}, "lifeline/v1/gas/G-77/{}/up")
    [row] = browser.get("/api/quarantine").json()["devices"]

    assert ("X-1", "G-77", False, {"bat": 50.0}) == (
        row["device"],
        row["asset"],
        row["asset_is_registered"],
        row["channels"],
    )
    assert "battery" == row["sensors"][0]["quantity"]
