"""The overview dashboard asks questions that have answers: InfluxQL on a real server, Prometheus by name."""

import json
import re
import time

import pytest
import yaml

from collector.decoding.pipeline import Pipeline, RawMessage
from collector.history.influxdb import InfluxHistory
from config.levels import WarningLevel
from config.loading import load_quantities, load_register
from config.settings import HistorySettings, IntakeSettings, Settings, default_subscriptions
from simulators.district import District
from tests.sources import ROOT

pytestmark = pytest.mark.end_to_end

GRAFANA = ROOT / "config" / "grafana"
DASHBOARD = json.loads((GRAFANA / "dashboards" / "overview.json").read_text(encoding="utf-8"))
PANELS = DASHBOARD["panels"]
MINUTES = 3
"""How much of the demo district the database holds."""

TARGETS = [(panel["title"], target) for panel in PANELS for target in panel["targets"]]
INFLUXQL = {title: target["query"] for title, target in TARGETS if target["datasource"]["type"] == "influxdb"}
PROMETHEUS = {f"{title} {target['refId']}": target["expr"] for title, target in TARGETS if "expr" in target}
SUBSET = re.compile(
    r"SELECT (?:min|max|mean|last|count)\(\"value\"\) FROM \"\w+\" WHERE \$timeFilter AND \"asset\" =~ /\^\$asset\$/"
    r" GROUP BY (?:time\((?:\$__interval|\d+[smh])\), )?\"\w+\"(?: fill\((?:none|null|previous|linear|0)\))?"
)
"""The InfluxQL that 1.8, 2.x and 3.x all answer."""


@pytest.fixture(scope="module")
def district():
    """Return the demo district."""
    quantities = load_quantities()
    return District(load_register(Settings().district, quantities), quantities, seed=1)


@pytest.fixture
def filled(influxdb, district):
    """Return a real InfluxDB with the last minutes of the demo district, decoded and written by the collector."""
    now_ns = time.time_ns()
    pipeline = Pipeline(district.register, district.quantities, default_subscriptions(), IntakeSettings())
    sent = district.between(now_ns - MINUTES * 60 * 10**9, now_ns)
    batch, refused = pipeline.decode([RawMessage(message.topic, message.payload) for message in sent], now_ns)
    assert [] == refused
    settings = HistorySettings(kind="influxdb", url=influxdb.url, database=influxdb.database)
    history = InfluxHistory(settings, district.register)
    assert [] == history.write([batch])
    history.close()
    return influxdb


def _expanded(query: str, asset: str = ".*") -> str:
    """Return a panel's query as Grafana sends it for the last minutes with `asset` chosen."""
    macros = {"$timeFilter": f"time >= now() - {MINUTES}m and time <= now()", "$__interval": "10s", "$asset": asset}
    for macro, text in macros.items():
        query = query.replace(macro, text)
    assert "$_" not in query
    return query


def test_influxql_of_every_panel_returns_rows(filled):
    """With all assets chosen, every InfluxQL panel shows something."""
    values = {title: _values(filled.query(_expanded(query))) for title, query in INFLUXQL.items()}

    assert [] == [title for title, found in values.items() if not found]


def test_influxql_of_a_panel_follows_the_chosen_asset(filled):
    """A panel shows the chosen asset only."""
    query = next(query for query in INFLUXQL.values() if '"fire_water_pressure"' in query)

    assert {"T-0002"} == {row["asset"] for row in filled.query(_expanded(query, "T-0002"))}


def test_variable_asset_offers_every_asset(filled, district):
    """The variable lists the assets that have readings."""
    [variable] = DASHBOARD["templating"]["list"]

    assert set(district.register.assets) == {row["value"] for row in filled.query(variable["query"])}


@pytest.mark.parametrize("title", INFLUXQL)
def test_influxql_of_a_panel_stays_in_the_subset(title):
    """Nothing in the query is known to one generation of InfluxDB only."""
    assert SUBSET.fullmatch(INFLUXQL[title])


def test_panels_show_every_measured_quantity(district):
    """Whatever the demo district measures has a panel."""
    shown = set(re.findall(r'FROM "(\w+)"', " ".join(INFLUXQL.values())))

    assert {sensor.quantity for sensor in district.register.sensors} == shown


@pytest.mark.parametrize("name", PROMETHEUS)
def test_prometheus_of_a_panel_names_documented_metrics(name):
    """Every metric of a Prometheus panel is in the list of metrics."""
    documented = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
    metrics = set(re.findall(r"lifeline_\w+", PROMETHEUS[name]))

    assert metrics
    assert set() == {metric for metric in metrics if f"`{metric}" not in documented}


def test_levels_of_the_panel_have_the_colours_of_the_table():
    """Colour and name of each level are those of every message and page."""
    [panel] = [panel for panel in PANELS if "by (level)" in panel["targets"][0].get("expr", "")]
    shown = {
        override["matcher"]["options"]: [each["value"] for each in override["properties"]]
        for override in panel["fieldConfig"]["overrides"]
    }

    assert shown == {
        level.key: [{"mode": "fixed", "fixedColor": level.hex}, f"{level.zh} {level.en}"] for level in WarningLevel
    }


def test_panels_use_only_provisioned_data_sources():
    """Every panel asks a data source that is provisioned, by its fixed id and type."""
    text = (GRAFANA / "provisioning" / "datasources" / "lifeline.yaml").read_text(encoding="utf-8")
    provisioned = {(source["uid"], source["type"]) for source in yaml.safe_load(text)["datasources"]}
    asked = {
        (source["uid"], source["type"]) for source in [*_sources(), DASHBOARD["templating"]["list"][0]["datasource"]]
    }

    assert provisioned == asked


def test_panels_do_not_overlap():
    """Every cell of the grid belongs to one panel at most, and no two panels share an id."""
    cells = [
        (x, y)
        for grid in (panel["gridPos"] for panel in PANELS)
        for x in range(grid["x"], grid["x"] + grid["w"])
        for y in range(grid["y"], grid["y"] + grid["h"])
    ]

    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24
    assert len(PANELS) == len({panel["id"] for panel in PANELS})


def _sources() -> list[dict[str, str]]:
    """Return the data sources of all panels, targets and variables."""
    asking = [*PANELS, *(target for _, target in TARGETS), *DASHBOARD["templating"]["list"]]
    return [each["datasource"] for each in asking]


def _values(rows: list[dict[str, object]]) -> list[object]:
    """Return the values of the rows beside time and tags, empty cells left out."""
    labels = ("time", "measurement", "sensor", "asset", "domain")
    return [value for row in rows for name, value in row.items() if name not in labels and value is not None]
