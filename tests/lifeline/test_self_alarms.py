from lifeline.self_alarms import SelfAlarms, Symptom, SystemHealth

FULL, AWAY = Symptom("journal_full", "a"), Symptom("ledger_unavailable", "b")


def test_self_alarms_symptom_that_holds_changes_once():
    """An outage is one change at its beginning, whatever its detail says later."""
    alarms = SelfAlarms()
    changes = [alarms.update([symptom], now) for now, symptom in enumerate([FULL, Symptom("journal_full", "later")])]
    assert [[True], []] == [[change.began for change in each] for each in changes]


def test_self_alarms_symptom_gone_says_how_long():
    """Its end is one change, with how long it lasted."""
    alarms = SelfAlarms()
    alarms.update([FULL], 1_000_000_000)
    assert [(False, 2.5)] == [(change.began, change.lasted_s) for change in alarms.update([], 3_500_000_000)]


def test_self_alarms_keep_their_beginning():
    """A lasting self-alarm keeps its start, and has the newest detail."""
    alarms = SelfAlarms()
    alarms.update([FULL], 1)
    alarms.update([Symptom("journal_full", "later"), AWAY], 2)
    assert [("later", 1), ("b", 2)] == [(alarm.symptom.detail, alarm.since_ns) for alarm in alarms.active]


def test_system_health_with_alarm_is_alive_and_not_well():
    """An alarm about itself does not mean that a new process would help."""
    alarms = SelfAlarms()
    alarms.update([FULL], 1)
    health = SystemHealth(is_alive=True, is_ready=True, alarms=alarms.active)
    assert (True, False) == (health.is_alive, health.is_well)
