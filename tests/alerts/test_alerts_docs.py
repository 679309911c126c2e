from pathlib import Path

import pytest

from alerts.alert import DecisionReason
from alerts.notification import NotificationKind
from alerts.outbox.delivery_reports import NEXT_STATE
from alerts.routing.loading import RouteEntry

TEXT = (Path(__file__).parents[2] / "docs" / "alerts.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("reason", DecisionReason)
def test_reason_of_every_decision_is_documented(reason):
    """Law 9: an operator can look up each reason."""
    assert f"| `{reason.value}` |" in TEXT


@pytest.mark.parametrize("key", [*RouteEntry.model_fields, "settle_s"])
def test_key_of_every_route_is_documented(key):
    """Nothing can be written into routes.yaml that the document does not explain."""
    assert f"`{key}`" in TEXT.partition("## Routes")[2].partition("## What is said")[0]


@pytest.mark.parametrize("kind", NotificationKind)
def test_type_of_every_payload_is_documented(kind):
    """A receiver knows every type that can come."""
    assert f"`alert.{kind.value}`" in TEXT


@pytest.mark.parametrize("state", sorted({*NEXT_STATE.values(), *(state for state, _ in NEXT_STATE), "withdrawn"}))
def test_state_of_every_notification_is_documented(state):
    """The console's words are explained."""
    assert f"| `{state}` |" in TEXT
