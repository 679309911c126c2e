from prometheus_client import CollectorRegistry

from alerts.dispatch.dispatcher import Dispatcher
from alerts.notification import Outcome, Verdict
from lifeline.metrics.registry import make_histograms


class Phone:
    """A channel that takes each notification at once."""

    def __init__(self):
        self.texts = []

    def send(self, notification):
        """Take `notification`."""
        self.texts.append(notification.text)
        return Outcome(Verdict.SENT, "")

    def close(self):
        """Do nothing."""


def test_handover_of_each_sms_is_timed_from_the_arrival_of_the_reading(desk):
    """The histogram gets one value for each SMS: seconds from the reading to the hand-over."""
    alert = desk.orange()
    now_ns = desk.now_ns + 3_000_000_000
    created_ns = [each.notification.created_ns for each in desk.stores.ledger.outbox.read_deliveries(alert.id)]
    histograms = make_histograms(registry := CollectorRegistry())
    dispatcher = Dispatcher(
        desk.stores.ledger,
        {"sms": Phone()},
        lambda: now_ns,
        observe_handover_s=histograms.handed_over.observe,
    )
    dispatcher._claim_due()
    dispatcher.stop()

    assert (3, sum(now_ns - each for each in created_ns) / 1e9) == (
        registry.get_sample_value("lifeline_handover_seconds_count"),
        registry.get_sample_value("lifeline_handover_seconds_sum"),
    )


def test_decision_of_each_step_with_events_is_timed_from_the_arrival_of_the_readings(desk):
    """The stage observes seconds once for each committed step with events."""
    seconds = []
    desk.stage._observe_decision_s = seconds.append
    desk.stage._clock_ns = lambda: desk.now_ns + 2_000_000_000
    desk.orange()

    assert ([2.0], 1) == (seconds, desk.events)
