"""Documents agree with the tables of the program."""

import pytest

from rules.alarms.level_table import LevelEvent, LevelState
from tests.rules.pages import DOCS, EVENTS, PARTS, STATES, part_in


@pytest.mark.parametrize("name", PARTS)
def test_generated_part_of_a_document_is_up_to_date(name):
    """`python -m tests.rules.pages` writes the parts again after a change of a table."""
    document, make = PARTS[name]

    assert make() == part_in(name, (DOCS / document).read_text(encoding="utf-8"))


def test_generated_table_of_level_states_has_all_states_and_events():
    """No state and no event is left out."""
    assert (set(LevelState), set(LevelEvent)) == (set(STATES), set(EVENTS))
