import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.links import SignedLinks, TokenPurpose, sign, verify

SECRET = b"an unguessable secret of tests"
ID = "00112233445566778899aabb"
IDS = st.binary(min_size=12, max_size=12).map(bytes.hex)


@given(IDS, st.sampled_from(TokenPurpose))
def test_token_of_any_id_proves_that_id(identity, purpose):
    """A signed token proves its id."""
    assert identity == verify(SECRET, sign(SECRET, identity, purpose), purpose)


@given(IDS)
def test_token_for_one_purpose_is_nothing_for_another(identity):
    """The bearer of an acknowledge link cannot forge a receipt."""
    assert verify(SECRET, sign(SECRET, identity, TokenPurpose.ACKNOWLEDGE), TokenPurpose.RECEIPT) is None


@given(IDS, st.integers(0, 28 * 8 - 1))
def test_token_with_any_bit_flipped_proves_nothing(identity, bit):
    """Every bit of id and signature counts."""
    raw = bytearray(base64.urlsafe_b64decode(sign(SECRET, identity) + "=="))
    raw[bit // 8] ^= 1 << bit % 8

    assert verify(SECRET, base64.urlsafe_b64encode(bytes(raw)).rstrip(b"=").decode()) is None


@given(st.text(max_size=60))
def test_token_of_any_text_never_raises(text):
    """Any text in a link gives None."""
    assert verify(SECRET, text) is None


@pytest.mark.parametrize(
    "change", [lambda t: t + "=", lambda t: t + "A", lambda t: t[:-1], lambda t: " " + t, str.swapcase]
)
def test_token_spelled_otherwise_proves_nothing(change):
    """There is one spelling of each token."""
    assert verify(SECRET, change(sign(SECRET, ID))) is None


def test_token_in_another_spelling_of_the_same_bytes_proves_nothing():
    """Unused bits of the last character are not free to choose."""
    token = sign(SECRET, ID)
    others = [token[:-1] + last for last in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"]

    assert [token] == [each for each in others if verify(SECRET, each)]


def test_token_of_another_secret_proves_nothing():
    """A new secret ends every older link."""
    assert verify(b"another secret", sign(SECRET, ID)) is None


def test_token_is_short_and_ends_in_a_letter():
    """38 characters fit an SMS, and phones do not cut a dash off the end of a link."""
    token = sign(SECRET, ID)

    assert 38 == len(token)
    assert token[-1] in "AQgw"


def test_links_join_address_and_token():
    """Both links begin with the public address; %d stays for the gateway to fill in."""
    links = SignedLinks("https://lifeline.example/", SECRET)

    assert f"https://lifeline.example/a/{sign(SECRET, ID)}" == links.acknowledge_link(ID)
    token = sign(SECRET, ID, TokenPurpose.RECEIPT)
    assert f"https://lifeline.example/receipts/sms/{token}?status=%d" == links.receipt_link("sms", ID)


def test_links_never_print_their_secret():
    """A log that shows the value shows no secret."""
    assert "unguessable" not in repr(SignedLinks("https://lifeline.example", SECRET))
