import pytest

from alerts.links import TokenPurpose, sign
from alerts.outbox.delivery_reports import NEXT_STATE, Receipt, ReceiptCode, ReceiptError, read_receipt

SECRET = b"an unguessable secret of tests"
ID = "00112233445566778899aabb"
TOKEN = sign(SECRET, ID, TokenPurpose.RECEIPT)


@pytest.mark.parametrize(("status", "code"), [(str(int(code)), code) for code in ReceiptCode])
def test_receipt_of_each_type_is_read(status, code):
    """All five types of a delivery report are known."""
    assert Receipt(ID, code) == read_receipt(SECRET, TOKEN, status)


@pytest.mark.parametrize("status", ["", "%d", "0", "3", "32", "-1", "1.0", "one", "9" * 5000])
def test_receipt_of_another_type_is_refused(status):
    """A status that no gateway gives changes nothing."""
    with pytest.raises(ReceiptError, match="unknown_status"):
        read_receipt(SECRET, TOKEN, status)


@pytest.mark.parametrize("token", ["", "x" * 38, sign(SECRET, ID), sign(b"other", ID, TokenPurpose.RECEIPT)])
def test_receipt_with_a_forged_token_is_refused(token):
    """Only the gateway that we gave the address to can report, and an acknowledge link is none."""
    with pytest.raises(ReceiptError, match="forged"):
        read_receipt(SECRET, token, "1")


def test_receipt_of_delivery_is_never_taken_back():
    """No report changes a delivered or a withdrawn notification."""
    assert set() == {state for state, _ in NEXT_STATE} & {"delivered", "withdrawn"}
