from hypothesis import given
from hypothesis import strategies as st

from simulators.truth import Truth, TruthKind, read_lines, write_lines

TRUTHS = st.builds(
    Truth,
    scenario=st.text(),
    asset=st.text(),
    sensor=st.text(),
    kind=st.sampled_from(TruthKind),
    level=st.sampled_from(["", "blue", "yellow", "orange", "red"]),
    start_ns=st.integers(0, 2**63 - 1),
    end_ns=st.integers(0, 2**63 - 1),
)


@given(st.lists(TRUTHS))
def test_truth_lines_written_are_read_back(truths):
    """What is written is read back, whatever the names contain."""
    assert truths == read_lines(write_lines(truths))
