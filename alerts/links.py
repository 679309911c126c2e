"""Signed links: they prove which notification their bearer received, by a signature instead of a stored token.

Input: a secret, a public address and the id of a notification.
Output: a token of 38 characters, or the id that a token proves.
Not responsible for: time and acknowledgements. The page behind a link checks the notification's age (`MAX_AGE_NS`).
Rejects: any token that this program did not sign for the given purpose; `verify` then returns None.
"""

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import quote

from config.time_units import SECOND_NS

MAX_AGE_NS = 24 * 3600 * SECOND_NS
"""A link acknowledges for 24 h from the notification's `created_ns`. Source: OWASP ASVS 5.0, 6.5.5."""

_ID_BYTES = 12
_SIGNATURE_BYTES = 16


class TokenPurpose(StrEnum):
    """The use of a token; a token for one purpose is invalid for the other."""

    ACKNOWLEDGE = "acknowledge"
    RECEIPT = "receipt"


def sign(secret: bytes, notification_id: str, purpose: TokenPurpose = TokenPurpose.ACKNOWLEDGE) -> str:
    """Return the token of `notification_id` (24 hex digits): base64url of the id and a 128-bit HMAC-SHA256."""
    raw = bytes.fromhex(notification_id)
    return base64.urlsafe_b64encode(raw + _compute_signature(secret, raw, purpose)).rstrip(b"=").decode()


def verify(secret: bytes, token: str, purpose: TokenPurpose = TokenPurpose.ACKNOWLEDGE) -> str | None:
    """Return the notification id that `token` proves; None for a token that was not signed for this purpose."""
    try:
        content = base64.b64decode(token.encode("ascii") + b"==", altchars=b"-_", validate=True)
    except (UnicodeEncodeError, binascii.Error):
        return None
    raw, signature = content[:_ID_BYTES], content[_ID_BYTES:]
    if not hmac.compare_digest(signature, _compute_signature(secret, raw, purpose)):
        return None
    # Base64 has several spellings of the same bytes; only the spelling of `sign` is valid.
    return raw.hex() if hmac.compare_digest(token, sign(secret, raw.hex(), purpose)) else None


def _compute_signature(secret: bytes, raw: bytes, purpose: TokenPurpose) -> bytes:
    return hmac.digest(secret, purpose.value.encode() + b"\0" + raw, hashlib.sha256)[:_SIGNATURE_BYTES]


@dataclass(frozen=True, slots=True, repr=False)
class SignedLinks:
    """The addresses that phones and gateways call back."""

    public_url: str
    """The address at which phones reach the console, without a slash at the end."""
    secret: bytes

    def acknowledge_link(self, notification_id: str) -> str:
        """Return the link that opens the acknowledge page."""
        return f"{self.public_url.rstrip('/')}/a/{sign(self.secret, notification_id)}"

    def receipt_link(self, channel: str, notification_id: str) -> str:
        """Return the address for a gateway's delivery report; the gateway replaces %d by the report's type."""
        token = sign(self.secret, notification_id, TokenPurpose.RECEIPT)
        return f"{self.public_url.rstrip('/')}/receipts/{quote(channel, safe='')}/{token}?status=%d"
