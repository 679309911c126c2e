def test_api_assets_gives_level_and_health_apart(browser, desk):
    """The tower in danger has its level and, separately, the health of its data."""
    desk.orange()
    asset = next(asset for asset in browser.get("/api/assets").json()["assets"] if asset["id"] == "T-0001")
    assert ("orange", "较大风险", "ok") == (asset["level"]["key"], asset["level"]["zh"], asset["health"])


def test_api_alerts_lists_open_alerts_without_phone_numbers(browser, desk):
    """Machines see the open alerts, and no phone number."""
    alert = desk.orange()
    answer = browser.get("/api/alerts")
    assert [alert.id] == [each["id"] for each in answer.json()["alerts"] if each["dimension"] == "hazard"]
    assert "+86" not in answer.text


def test_api_geojson_puts_longitude_first(browser, desk):
    """A map reads RFC 7946: longitude, latitude."""
    answer = browser.get("/api/assets.geojson")
    feature = next(each for each in answer.json()["features"] if each["id"] == "T-0001")
    asset = desk.configuration.register.assets["T-0001"]
    assert ([asset.longitude, asset.latitude], "application/geo+json") == (
        feature["geometry"]["coordinates"],
        answer.headers["content-type"],
    )


def test_levels_sheet_has_every_level_colour(browser):
    """The colours of pages are those of the one table of levels."""
    from config.levels import WarningLevel

    sheet = browser.get("/levels.css").text
    assert [] == [level.key for level in WarningLevel if level.hex not in sheet]


def test_api_assets_tells_the_risk_with_its_reasons(browser, desk):
    """Reasons are data: a code, the rule, numbers, and a sentence in either language."""
    desk.orange()
    asset = next(asset for asset in browser.get("/api/assets").json()["assets"] if asset["id"] == "T-0001")
    reason = asset["risk"]["why"][0]

    assert ("orange", "stands", [4, 1]) == (asset["risk"]["level"]["key"], reason["code"], reason["numbers"])
