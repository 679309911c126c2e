import re
from collections import Counter
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from lifeline.metrics.names import COUNTERS, GAUGES, HISTOGRAMS
from lifeline.metrics.registry import Gauge, StageMetrics, make_histograms

ROOT = Path(__file__).parents[3]
IN_CODE = re.compile(r'(?:counts\[|Counter\(\{\(|counts\.update\(\()"([a-z_]+)"|Gauge\("([a-z_]+)"')


def _scrape(counts, gauges=()):
    registry = CollectorRegistry()
    registry.register(StageMetrics(lambda: counts, lambda: gauges))
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(generate_latest(registry).decode())
        for sample in family.samples
    }


def test_collector_counters_of_two_stages_are_added():
    """The same metric of two stages is one family with the sum of each reason."""
    scraped = _scrape([Counter({("dead_letters", "syntax"): 2}), Counter({("dead_letters", "syntax"): 3})])
    assert {("lifeline_dead_letters_total", "syntax"): 5.0} == scraped


def test_collector_gauges_keep_their_labels():
    """A gauge with several label values is one family."""
    gauges = [Gauge("sensors", {"health": "alive"}, 3), Gauge("sensors", {"health": "blind"}, 1)]
    assert {("lifeline_sensors", "alive"): 3.0, ("lifeline_sensors", "blind"): 1.0} == _scrape([], gauges)


def test_collector_two_programs_share_no_number():
    """Two registries in one process know nothing of each other."""
    first, second = CollectorRegistry(), CollectorRegistry()
    make_histograms(first).decided.observe(1.0)
    make_histograms(second)
    assert ["1.0", "0.0"] == [
        re.search(r"decision_seconds_count (\S+)", generate_latest(each).decode())[1] for each in (first, second)
    ]


def test_names_in_code_are_all_explained():
    """Every counter and gauge that the code keeps has a meaning in the catalogue."""
    files = [path for folder in ("alerts", "collector", "rules", "lifeline") for path in (ROOT / folder).rglob("*.py")]
    used = {name for path in files for found in IN_CODE.findall(path.read_text()) for name in found if name}
    assert set() == used - COUNTERS.keys() - GAUGES.keys()


@pytest.mark.parametrize(("names", "ending"), [(COUNTERS, "_total"), (GAUGES, ""), (HISTOGRAMS, "")])
def test_catalogue_is_the_document(names, ending):
    """docs/metrics.md lists the same names, no more and no fewer."""
    text = (ROOT / "docs/metrics.md").read_text()
    missing = [name for name in names if f"| `lifeline_{name}{ending}` |" not in text]
    assert [] == missing


def test_document_lists_nothing_else():
    """A metric that is gone from the code is gone from the document."""
    listed = set(re.findall(r"^\| `lifeline_([a-z_]+)` \|", (ROOT / "docs/metrics.md").read_text(), re.MULTILINE))
    known = {f"{name}_total" for name in COUNTERS} | GAUGES.keys() | HISTOGRAMS.keys()
    assert set() == listed - known
