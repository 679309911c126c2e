from lifeline.self_alarms import SelfAlarm, Symptom, SystemHealth


def test_health_dead_answers_503_with_reasons(browser):
    """A supervisor that asks hears that only a new process can help, and why."""
    alarm = SelfAlarm(Symptom("intake_stuck", "loop 12 s", is_fatal=True), 1)
    browser.health = SystemHealth(is_alive=False, is_ready=False, alarms=(alarm,))
    answer = browser.get("/health")
    assert (503, "intake_stuck") == (answer.status_code, answer.json()["alarms"][0]["name"])


def test_health_alarm_alone_answers_200(browser):
    """A full journal is no reason to be restarted."""
    alarm = SelfAlarm(Symptom("journal_full", ""), 1)
    browser.health = SystemHealth(is_alive=True, is_ready=True, alarms=(alarm,))
    assert 200 == browser.get("/health").status_code


def test_ready_before_connection_answers_503(browser):
    """Until the broker is connected and the rules are restored, traffic waits."""
    browser.health = SystemHealth(is_alive=True, is_ready=False, alarms=())
    assert (503, 200) == (browser.get("/ready").status_code, browser.get("/health").status_code)
