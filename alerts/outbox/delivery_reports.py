"""Delivery reports of an SMS gateway, and the state of a notification after each.

Input: the token and the code of a report.
Output: a `Receipt`, and the state that follows.
Not responsible for: storage.
Rejects: a forged token and an unknown code (`ReceiptError`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

from alerts.links import TokenPurpose, verify


class ReceiptCode(IntEnum):
    """The types of a Kannel delivery report. Source: Kannel 1.4.5 user guide, `dlr-mask`."""

    DELIVERED = 1
    """The phone has it."""
    FAILED = 2
    """The phone will not get it."""
    QUEUED = 4
    """The gateway keeps it."""
    ACCEPTED = 8
    """The operator's message centre took it over."""
    REJECTED = 16
    """The operator's message centre refused it."""


NEXT_STATE: Mapping[tuple[str, ReceiptCode], str] = {
    **{(state, ReceiptCode.DELIVERED): "delivered" for state in ("pending", "sending", "sent", "refused", "failed")},
    **{(state, ReceiptCode.FAILED): "failed" for state in ("sending", "sent")},
    **{(state, ReceiptCode.REJECTED): "refused" for state in ("sending", "sent")},
    **{
        (state, code): "sent" for state in ("pending", "sending") for code in (ReceiptCode.QUEUED, ReceiptCode.ACCEPTED)
    },
}
"""(state, code) to the state after; every other pair changes nothing.

A report about a notification that is `sending`, or that waits for a retry, proves that the gateway has it. So a program
that died between hand-over and its record does not send again.
"""


@dataclass(frozen=True, slots=True)
class Receipt:
    """One verified report about one notification."""

    notification: str
    code: ReceiptCode


class ReceiptError(Exception):
    """The report is forged or not of a known type; it changes nothing."""


def read_receipt(secret: bytes, token: str, status: str) -> Receipt:
    """Return the report that came back with `token` and `status` (the type's number).

    Raises:
        ReceiptError: `token` is not ours, or `status` is not one of the five types.
    """
    notification = verify(secret, token, TokenPurpose.RECEIPT)
    if notification is None:
        raise ReceiptError("forged")
    try:
        code = ReceiptCode(int(status))
    except ValueError as error:
        raise ReceiptError("unknown_status") from error
    return Receipt(notification, code)
