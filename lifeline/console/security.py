"""Headers against injected content, proofs against forged forms, and a limit on guessing links.

Input: a secret, an address, a time.
Output: headers and verdicts.
Not responsible for: pages and sessions.
Rejects: nothing by itself; its callers reject.
"""

import hashlib
import hmac
from collections import OrderedDict

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
"""Sent with every answer. No inline script or style exists, so none is allowed; no link's token leaks by Referer."""

PHONE_HEADERS = {
    **HEADERS,
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
}
"""The acknowledge page needs no script at all."""


def form_proof(secret: bytes, subject: str) -> str:
    """Return a token that only a page of this console can put into its form about `subject`."""
    return hmac.new(secret, f"console-form:{subject}".encode(), hashlib.sha256).hexdigest()


def is_form_proof(secret: bytes, subject: str, proof: str) -> bool:
    """Return whether `proof` was made by `form_proof` for `subject`, in constant time."""
    return hmac.compare_digest(form_proof(secret, subject).encode(), proof.encode())


class FailureLimit:
    """Counts failed links per client address; a valid link always works, so that an attacker locks out no responder."""

    def __init__(self, allowed: int = 10, window_s: float = 60.0, max_clients: int = 10_000) -> None:
        """Allow `allowed` failures in `window_s` for each client; numbers assumed: people mistype."""
        self._allowed, self._window_s, self._max_clients = allowed, window_s, max_clients
        self._failures: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def fail(self, client: str, now_s: float) -> bool:
        """Count a failure of `client`; returns whether it exceeds the limit."""
        since, count = self._failures.pop(client, (now_s, 0))
        if now_s - since >= self._window_s:
            since, count = now_s, 0
        self._failures[client] = (since, count + 1)
        if len(self._failures) > self._max_clients:
            self._failures.popitem(last=False)
        return count + 1 > self._allowed
