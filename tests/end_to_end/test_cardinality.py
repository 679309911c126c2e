"""A hundred thousand ids outside the register leave only dead letters, up to their quota.

`python -m benchmarks cardinality` does the same with a million.
"""

import pytest

from benchmarks.cardinality import bombard, mqtt_settings
from collector.journal.dead_letters import MAX_ROWS

pytestmark = [pytest.mark.end_to_end, pytest.mark.timeout(600)]

_N_MESSAGES = 100_000
_GROWTH_MB = 30.0
_DISK_MB = 200.0
_NEW_METRICS = 20
_SOON_S = 30.0
"""Memory grows by less than a MiB here; a table of the ids alone would take 20."""


def test_program_fed_100_000_made_up_ids_stays_as_small_as_it_was(make_program, mosquitto):
    """12: memory, disk and metrics do not depend on how many there were; each is counted, and readings go on."""
    program = make_program(mqtt=mqtt_settings(mosquitto.port))
    program.start()
    after = bombard(program, mosquitto.port, _N_MESSAGES)
    metrics = program.metrics()

    assert _GROWTH_MB > after.grown_mb
    assert _DISK_MB > after.state_mb
    assert _NEW_METRICS > after.n_new_samples
    assert _SOON_S > after.good_s
    assert metrics["messages_total", ""] - 1 == after.n_counted
    assert after.n_letters == MAX_ROWS
    assert after.n_counted - MAX_ROWS == metrics["dead_letters_evicted_total", "quota"]
    assert 1 == metrics["connections_total", ""]
    assert [] == [line["event"] for line in program.events() if line["level"] == "error"]
