from structlog.testing import capture_logs

from alerts.dispatch.outages import Outage, Outages


def test_outage_of_many_failures_is_two_lines():
    """One line when it begins and one when it ends, with how long and how often."""
    outages = Outages()
    with capture_logs() as lines:
        outages.works("sms", 0)
        for second in range(1, 6):
            outages.fails("sms", "timeout", second * 10**9)
        outages.works("sms", 8 * 10**9)
        outages.works("sms", 9 * 10**9)

    assert [
        {"event": "outage_started", "log_level": "error", "what": "sms", "reason": "timeout"},
        {"event": "outage_ended", "log_level": "warning", "what": "sms", "lasted_s": 7.0, "failures": 5},
    ] == lines


def test_outages_under_way_are_told_apart():
    """One channel's trouble is not another's."""
    outages = Outages()
    outages.fails("sms", "timeout", 1)
    outages.fails("webhook", "503", 2)
    outages.works("webhook", 3)

    assert {"sms": Outage(1, "timeout", 1)} == outages.current()
