"""The time of the next attempt to send a notification, and the end of the attempts.

Input: a notification and the number of its attempts.
Output: a time, or None when the attempts end.
Not responsible for: the clock and random numbers; both are arguments.
Rejects: nothing.
"""

from alerts.notification import Notification

GIVE_UP_NS = 3 * 24 * 3600 * 10**9
"""No attempt starts later than this after the first. Source: Standard Webhooks advises retries over days."""
URGENT_BASE_S, URGENT_CAP_S = 1.0, 60.0
"""Orange and red: 1, 2, 4 ... 60 s; assumed: a repaired gateway has the warning within a minute."""
CALM_BASE_S, CALM_CAP_S = 5.0, 2 * 3600.0
"""Everything else: 5, 10, 20 s ... 2 h; assumed: a receiver down for the night is not flooded."""
RETRY_AFTER_CAP_S = 3600.0
"""Longest wait that a receiver can ask for; assumed."""


def retry_delay_s(notification: Notification, attempt: int, jitter: float, retry_after_s: float | None = None) -> float:
    """Return the wait after failed attempt number `attempt` (1 for the first), seconds.

    It doubles each time up to a cap. It is spread over the upper half, so that many retries do not come at once.

    Args:
        notification: the notification of the attempt.
        attempt: number of attempts, this one included.
        jitter: 0 to 1, drawn by the caller.
        retry_after_s: the wait that the other side asked for; never shortens the wait.
    """
    base_s, cap_s = (URGENT_BASE_S, URGENT_CAP_S) if notification.is_urgent else (CALM_BASE_S, CALM_CAP_S)
    # Beyond 2**20 every schedule is at its cap, and a float would overflow long before the days are over.
    full_s = min(cap_s, base_s * 2.0 ** min(attempt - 1, 20))
    asked_s = min(retry_after_s or 0.0, RETRY_AFTER_CAP_S)
    return max(full_s * (0.5 + 0.5 * jitter), asked_s)


def retry_ns(first_attempt_ns: int, now_ns: int, wait_s: float) -> int | None:
    """Return the time of the next attempt, `wait_s` after `now_ns`; None when the attempts end."""
    next_ns = now_ns + round(wait_s * 1e9)
    return next_ns if next_ns - first_attempt_ns <= GIVE_UP_NS else None
