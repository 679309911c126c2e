import pytest

from lifeline.console.cards import OPERATOR, find_contact_name


@pytest.mark.parametrize(
    ("contact", "lang", "expected"),
    [
        (OPERATOR, "zh", "值班台"),
        (OPERATOR, "en", "Console operator"),
        ("left-the-register", "zh", "left-the-register"),
    ],
)
def test_contact_name_of_operator_or_stranger(browser, contact, lang, expected):
    """Who is not a contact of the register has a name all the same."""
    assert expected == find_contact_name(contact, browser.context, lang)
