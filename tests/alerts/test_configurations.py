from alerts.alert import Plan, Step
from alerts.configurations import configurations, record_configuration
from alerts.ledger import open_ledger
from lifeline.rules_stage import joined


def test_configuration_is_in_force_from_the_position_of_its_start(tmp_path):
    """What was judged before a reload stays with the configuration that judged it."""
    ledger = open_ledger(f"sqlite:///{tmp_path / 'ledger.db'}")
    record_configuration(ledger.database, "one", 1)
    ledger.commit_step(Step(ledger.take_over(), 7, joined([]), (), Plan(), None))
    record_configuration(ledger.database, "one", 2)
    record_configuration(ledger.database, "two", 3)
    record_configuration(ledger.database, "three", 4)
    found = [(each.position, each.version, each.started_ns) for each in configurations(ledger.database)]
    ledger.close()

    assert [(0, "one", 1), (7, "three", 4)] == found
