from structlog.testing import capture_logs

from alerts.dispatch.dispatcher import CurrentOutage, OutageLog


def test_outage_of_many_failures_is_two_lines():
    """An outage has one line at its start and one at its end, with duration and number of failures."""
    outages = OutageLog()
    with capture_logs() as lines:
        outages.add_success("sms", 0)
        for second in range(1, 6):
            outages.add_failure("sms", "timeout", second * 10**9)
        outages.add_success("sms", 8 * 10**9)
        outages.add_success("sms", 9 * 10**9)

    assert [
        {"event": "outage_started", "log_level": "error", "what": "sms", "reason": "timeout"},
        {"event": "outage_ended", "log_level": "warning", "what": "sms", "lasted_s": 7.0, "failures": 5},
    ] == lines


def test_outages_of_two_channels_are_kept_apart():
    """The outage of one channel is not an outage of another channel."""
    outages = OutageLog()
    outages.add_failure("sms", "timeout", 1)
    outages.add_failure("webhook", "503", 2)
    outages.add_success("webhook", 3)

    assert {"sms": CurrentOutage(1, "timeout", 1)} == outages.current()
