"""Links that prove which notification their bearer received: a signature instead of a stored token.

Comes in: a secret and a notification id. Goes out: a token of 38 characters, or the id that a token proves. Refuses to
know the time (the page behind the link checks the age of the notification, `MAX_AGE_NS`) and what is acknowledged.
"""

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import quote

MAX_AGE_NS = 24 * 3600 * 10**9
"""A link acknowledges for 24 h from the notification's `created_ns`. Source: OWASP ASVS 5.0, 6.5.5."""

_ID_BYTES = 12
_SIGNATURE_BYTES = 16


class Purpose(StrEnum):
    """What a token may be used for; one never stands for the other."""

    ACKNOWLEDGE = "acknowledge"
    RECEIPT = "receipt"


def sign(secret: bytes, notification_id: str, purpose: Purpose = Purpose.ACKNOWLEDGE) -> str:
    """Return the token of `notification_id` (24 hex digits): base64url of the id and a 128-bit HMAC-SHA256."""
    raw = bytes.fromhex(notification_id)
    return base64.urlsafe_b64encode(raw + _signature(secret, raw, purpose)).rstrip(b"=").decode()


def verify(secret: bytes, token: str, purpose: Purpose = Purpose.ACKNOWLEDGE) -> str | None:
    """Return the notification id that `token` proves, None for anything we did not sign for this purpose."""
    try:
        content = base64.b64decode(token.encode("ascii") + b"==", altchars=b"-_", validate=True)
    except (UnicodeEncodeError, binascii.Error):
        return None
    raw, signature = content[:_ID_BYTES], content[_ID_BYTES:]
    if not hmac.compare_digest(signature, _signature(secret, raw, purpose)):
        return None
    # Base64 has several spellings of the same bytes; only the one that we wrote is ours.
    return raw.hex() if hmac.compare_digest(token, sign(secret, raw.hex(), purpose)) else None


def _signature(secret: bytes, raw: bytes, purpose: Purpose) -> bytes:
    return hmac.digest(secret, purpose.value.encode() + b"\0" + raw, hashlib.sha256)[:_SIGNATURE_BYTES]


@dataclass(frozen=True, slots=True, repr=False)
class Links:
    """The addresses that messages and gateways call back."""

    public_url: str
    """Where phones reach the console, without a slash at the end."""
    secret: bytes

    def acknowledge(self, notification_id: str) -> str:
        """Return the link that opens the acknowledge page."""
        return f"{self.public_url.rstrip('/')}/a/{sign(self.secret, notification_id)}"

    def receipt(self, channel: str, notification_id: str) -> str:
        """Return the address that a gateway calls with its report; the gateway replaces %d by the report's type."""
        token = sign(self.secret, notification_id, Purpose.RECEIPT)
        return f"{self.public_url.rstrip('/')}/receipts/{quote(channel, safe='')}/{token}?status=%d"
