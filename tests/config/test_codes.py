import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from config.codes import ALPHABET, check_character, is_valid

BODIES = st.text(ALPHABET, min_size=2, max_size=30)


@pytest.mark.parametrize(("text", "character"), [("A12425GABC1234002", "M"), ("A1-2425G-ABC1234002", "M")])
def test_check_character_published_example_is_met(text: str, character: str) -> None:
    """The example of the Global Release Identifier, which uses this system, comes out."""
    assert character == check_character(text)


@given(BODIES)
def test_is_valid_completed_text_is_right(body: str) -> None:
    """A body with its check character is a code."""
    assert is_valid(body + check_character(body))


@given(BODIES, st.integers(0, 31), st.sampled_from(ALPHABET))
def test_is_valid_one_wrong_character_is_always_seen(body: str, place: int, other: str) -> None:
    """No single misread character makes another code."""
    code = body + check_character(body)
    place %= len(code)
    assume(code[place] != other)

    assert not is_valid(code[:place] + other + code[place + 1 :])


@pytest.mark.parametrize("code", ["", "A", "yz-01", "-YZ0", "YZ--0", "YZ 01", "Ａ00", "A" * 41])
def test_is_valid_other_forms_are_refused(code: str) -> None:
    """Only 0-9, A-Z and single hyphens make a code, three to forty characters of them."""
    assert not is_valid(code)
