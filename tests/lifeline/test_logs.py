import io
import json

import pytest
import structlog
from pydantic import SecretStr

from lifeline.logs import configure_logs, redact, redact_text


@pytest.fixture(autouse=True)
def _structlog_defaults():
    yield
    structlog.reset_defaults()


@pytest.mark.parametrize("key", ["password", "mqtt_password", "token", "secret", "authorization", "api_key"])
def test_redact_secret_key_hides_value(key):
    """A value under a key that names a secret never reaches the log."""
    assert {"event": "x", key: "[redacted]"} == redact(None, "info", {"event": "x", key: "hunter2"})


def test_redact_secret_str_hides_value():
    """A pydantic secret is hidden whatever its key."""
    assert {"broker": "[redacted]"} == redact(None, "info", {"broker": SecretStr("hunter2")})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("postgresql://lifeline:hunter2@db/ledger", "postgresql://lifeline:[redacted]@db/ledger"),
        ("GET /a/abc.DEF-1 200", "GET /a/[redacted] 200"),
        ("GET /receipts/sms/abc?status=1", "GET /receipts/sms/[redacted]?status=1"),
        ("collector/batch.py", "collector/batch.py"),
    ],
)
def test_redact_text_link_or_url_hides_token(text, expected):
    """Passwords in URLs and tokens in links are cut out of any text."""
    assert expected == redact_text(text)


def test_configure_logs_json_writes_one_object_a_line():
    """The machine format is one JSON object a line, Chinese kept readable."""
    stream = io.StringIO()
    configure_logs("json", "info", stream)
    structlog.get_logger().info("alert_opened", asset="翡翠苑", password="hunter2")
    line = json.loads(stream.getvalue())
    assert ("alert_opened", "翡翠苑", "[redacted]") == (line["event"], line["asset"], line["password"])


def test_configure_logs_level_filters_lower():
    """Events below the level are not written."""
    stream = io.StringIO()
    configure_logs("console", "warning", stream)
    structlog.get_logger().info("chatter")
    assert stream.getvalue() == ""
