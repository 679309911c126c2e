import pytest


def test_coverage_page_names_domains_streets_and_missing_assets(browser):
    """A district that was never heard is wholly uncovered, in both languages."""
    for lang, title in (("zh", "感知覆盖"), ("en", "Coverage")):
        answer = browser.get(f"/coverage?lang={lang}")

        assert 200 == answer.status_code
        assert f"<h2>{title}</h2>" in answer.text
        assert 'data-id="fire"' in answer.text
        assert 'href="/assets/T-0001?' in answer.text


@pytest.mark.parametrize(("by", "groups"), [("domain", 4), ("asset", 21)])
def test_coverage_api_counts_every_group(browser, by, groups):
    """Each group has its counts; the whole is their sum."""
    answer = browser.get(f"/api/coverage?by={by}").json()

    assert groups == len(answer["rows"])
    assert answer["whole"]["sensors"] == sum(row["unseen"] for row in answer["rows"])


def test_coverage_api_follows_the_board(browser):
    """A terminal that speaks is alive in the next answer."""
    browser.desk.stage.restore()
    browser.desk.feed(0.35, 3)
    browser.desk.evaluate()
    browser.desk.stage.live_engine.publish()
    rows = {row["id"]: row for row in browser.get("/api/coverage?by=asset").json()["rows"]}

    assert 2 == rows["T-0001"]["alive"]
    assert 0 == rows["T-0002"]["alive"]


def test_coverage_api_other_grouping_is_refused(browser):
    """Only domain, street and asset are groups."""
    assert 422 == browser.get("/api/coverage?by=colour").status_code
