import pytest

from lifeline.console.security import HEADERS, PHONE_HEADERS, FailureLimit, form_proof, is_form_proof


def test_form_proof_of_same_subject_is_accepted():
    """A form of this console is recognised."""
    assert is_form_proof(b"secret", "alert-1", form_proof(b"secret", "alert-1"))


@pytest.mark.parametrize(
    ("secret", "subject", "proof"),
    [
        (b"other", "alert-1", form_proof(b"secret", "alert-1")),
        (b"secret", "alert-2", form_proof(b"secret", "alert-1")),
        (b"secret", "alert-1", ""),
        (b"secret", "alert-1", "é"),
    ],
)
def test_form_proof_of_other_subject_or_secret_is_refused(secret, subject, proof):
    """A forged, empty or foreign proof does not pass."""
    assert not is_form_proof(secret, subject, proof)


def test_failure_limit_counts_within_window():
    """The first failures are answered, those beyond the limit are refused."""
    limit = FailureLimit(allowed=3)
    assert [False, False, False, True] == [limit.fail("a", float(i)) for i in range(4)]


def test_failure_limit_forgets_after_window():
    """After the window the count starts again."""
    limit = FailureLimit(allowed=1, window_s=60)
    assert [False, True, False] == [limit.fail("a", now) for now in (0.0, 1.0, 60.0)]


def test_failure_limit_memory_is_bounded():
    """A million guessing addresses do not fill the memory."""
    limit = FailureLimit(allowed=1, max_clients=2)
    verdicts = [limit.fail(client, 0.0) for client in ("a", "b", "c", "a")]
    assert [False] * 4 == verdicts


def test_headers_allow_no_inline_script():
    """Injected markup could not run: no inline script or style anywhere, no script at all on the phone page."""
    assert "unsafe" not in HEADERS["Content-Security-Policy"]
    assert "script-src" not in PHONE_HEADERS["Content-Security-Policy"]
