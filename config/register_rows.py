"""The register from its five tables: each row is checked alone and against the others.

Input: tables of regions, assets, sensors, contacts and duties; the quantities.
Output: `Register`.
Not responsible for: opening files, and repairs.
Rejects: every wrong row, all at once, as one `ConfigError`.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from config import climatology
from config.cross_checks import check_codes, check_duties, check_sensors
from config.csv_cells import Cells, close_name, unique_rows
from config.errors import ConfigError, Problem
from config.levels import WarningLevel
from config.quantities import Quantity
from config.register import (
    Asset,
    Contact,
    Duty,
    HazardClass,
    Neighbour,
    Region,
    RegionKind,
    Register,
    Role,
    Sensor,
)
from config.tables import Row, Table, unreadable

TABLES: Mapping[str, tuple[str, ...]] = {
    "regions": ("id", "kind", "parent", "name_zh", "name_en"),
    "assets": ("id", "kind", "domain", "name_zh", "name_en", "region", "latitude", "longitude"),
    "sensors": ("id", "asset", "device", "channel", "quantity", "unit", "cadence_s", "stale_after_s", "heartbeat"),
    "contacts": ("id", "name_zh", "name_en", "phone", "language"),
    "duties": ("asset", "role", "contact"),
}
"""Columns of each file of a district."""

OPTIONAL_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "assets": ("code", "hazard_class", "risk_level"),
    "sensors": ("reorder_s", "design"),
}
"""Columns that a file may have."""

OPTIONAL_TABLES: Mapping[str, tuple[str, ...]] = {
    "neighbours": ("asset", "neighbour", "distance_m"),
    "hazard_classes": ("id", "name_zh", "name_en"),
    "climatology": climatology.COLUMNS,
}
"""Columns of the files that a district may have."""

KEYS: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("regions", "assets", "sensors", "contacts", "hazard_classes"), ("id",)),
    "duties": ("asset", "role", "contact"),
    "neighbours": ("asset", "neighbour"),
    "climatology": climatology.KEY,
}
"""The columns that name a row of each file."""

MAX_DISTANCE_M = 100_000.0
"""Longest way between neighbours, metres; assumed: no span and no pipe section of a city is longer."""

HEARTBEAT = "heartbeat"
"""The quantity that counts up while a device lives."""

MAX_CADENCE_S = 7 * 86_400
"""Longest expected time between readings, seconds; assumed: a device that reports less than weekly cannot warn."""

STALE_CADENCES = 3
"""Missed readings until a sensor counts as blind where the register gives no time; assumed."""


MAX_REORDER_S = 600.0
"""Longest time that readings may wait for older ones, seconds; assumed: later than that no warning should be."""

_ROWS = 1000
"""Rows between two words about how far the check is."""


class Domain(StrEnum):
    """The lifelines, as they are written in topics."""

    GAS = "gas"
    WATER = "water"
    DRAIN = "drain"
    BRIDGE = "bridge"
    TUNNEL = "tunnel"
    FIRE = "fire"
    SEPTIC = "septic"
    GEO = "geo"


class Language(StrEnum):
    """The languages of messages."""

    ZH = "zh"
    EN = "en"


class RiskLevel(StrEnum):
    """The five levels, as a list of hazard points writes them."""

    RED = WarningLevel.RED.key
    ORANGE = WarningLevel.ORANGE.key
    YELLOW = WarningLevel.YELLOW.key
    BLUE = WarningLevel.BLUE.key
    GREEN = WarningLevel.GREEN.key


ABSENT = unreadable("(absent)", ())
"""A file that a district does not have: nothing is missing from it."""


@dataclass(frozen=True, slots=True)
class _Known:
    """The rows that others may name; None where their file could not be read."""

    regions: Mapping[str, Row] | None
    assets: Mapping[str, Row] | None
    sensors: Mapping[str, Row] | None
    contacts: Mapping[str, Row] | None
    hazard_classes: Mapping[str, Row] | None
    quantities: Mapping[str, Quantity]


def register_from(
    tables: Mapping[str, Table], quantities: Mapping[str, Quantity], checked: Callable[[int], None] | None = None
) -> Register:
    """Return the register that `tables` describe.

    Args:
        tables: one for each name in `TABLES`, and those in `OPTIONAL_TABLES` that there are.
        quantities: the catalogue by name.
        checked: called now and then with the number of rows checked since the last call.

    Raises:
        ConfigError: everything that is wrong, by file and line.
    """
    problems = [problem for table in tables.values() for problem in table.problems]
    given = {name: tables.get(name, ABSENT) for name in (*TABLES, *OPTIONAL_TABLES)}
    known = _known(given, quantities, problems)
    rows = {name: _each(table, problems, checked) for name, table in given.items()}
    regions = [_region(cells, known) for cells in rows["regions"]]
    assets = [_asset(cells, known) for cells in rows["assets"]]
    sensors = [_sensor(cells, known) for cells in rows["sensors"]]
    contacts = [_contact(cells) for cells in rows["contacts"]]
    duties = [_duty(cells, known) for cells in rows["duties"]]
    classes = [HazardClass(c.word("id"), c.name("name_zh"), c.name("name_en")) for c in rows["hazard_classes"]]
    check_codes(given["assets"], problems)
    check_sensors(given["sensors"], problems)
    check_duties(given["duties"], problems)
    neighbours = _neighbours(given["neighbours"], known, problems)
    usual_ranges = climatology.usual_ranges(given["climatology"], known.sensors, quantities, problems)
    if problems:
        raise ConfigError(_in_order(_once(problems), [table.file for table in given.values()]))
    return Register(
        {region.id: region for region in regions},
        {asset.id: asset for asset in assets},
        tuple(sensors),
        {contact.id: contact for contact in contacts},
        tuple(duties),
        hazard_classes={each.id: each for each in classes},
        neighbours=neighbours,
        usual_ranges=usual_ranges,
    )


def _known(tables: Mapping[str, Table], quantities: Mapping[str, Quantity], problems: list[Problem]) -> _Known:
    return _Known(
        _by_id(tables["regions"], problems),
        _by_id(tables["assets"], problems),
        _by_id(tables["sensors"], problems),
        _by_id(tables["contacts"], problems),
        _by_id(tables["hazard_classes"], problems),
        quantities,
    )


def _each(table: Table, problems: list[Problem], checked: Callable[[int], None] | None) -> Iterator[Cells]:
    for place, row in enumerate(table.rows, 1):
        yield Cells(row, problems)
        if checked is not None and (place % _ROWS == 0 or place == len(table.rows)):
            checked(place % _ROWS or _ROWS)


def _once(problems: Sequence[Problem]) -> Iterator[Problem]:
    """Yield `problems` without those that only say that a cell is empty of which more is known."""
    told: set[tuple[str, int, str]] = set()
    for problem in problems:
        place = (problem.file, problem.line, problem.path)
        if problem.got != "nothing" or place not in told:
            yield problem
        told.add(place)


def _in_order(problems: Iterable[Problem], files: Sequence[str]) -> list[Problem]:
    """Return `problems` by file, those of `files` first, and by line."""
    found = list(problems)
    places = {file: place for place, file in enumerate(dict.fromkeys([*files, *(each.file for each in found)]))}
    return sorted(found, key=lambda problem: (places[problem.file], problem.line))


def _by_id(table: Table, problems: list[Problem]) -> Mapping[str, Row] | None:
    rows = {key[0]: row for key, row in unique_rows(table, ("id",), problems).items()}
    return rows if table.is_readable else None


def _region(cells: Cells, known: _Known) -> Region:
    kind = cells.choice("kind", RegionKind)
    region = Region(cells.word("id"), kind, cells.row["parent"], cells.name("name_zh"), cells.name("name_en"))
    if kind is RegionKind.CITY:
        if region.parent:
            cells.refuse("parent", expected="nothing: a city is the top", remedy="empty the cell or correct the kind")
        return region
    kinds = list(RegionKind)
    above = kinds[kinds.index(kind) - 1]
    parent = cells.reference("parent", known.regions, "regions")
    if parent is not None and parent["kind"] != above:
        expected = f"a {above} above a {kind} (city > district > street > community > grid)"
        got = f"the {parent['kind']} {region.parent}"
        cells.refuse("parent", expected=expected, got=got, remedy="name the region one level above")
    return region


def _asset(cells: Cells, known: _Known) -> Asset:
    grid = cells.reference("region", known.regions, "regions")
    if grid is not None and grid["kind"] != RegionKind.GRID:
        got = f"the {grid['kind']} {cells.row['region']}"
        cells.refuse("region", expected="a grid", got=got, remedy="name the grid that the asset stands in")
    return Asset(
        id=cells.word("id"),
        kind=cells.pattern(
            "kind", "[a-z][a-z0-9_]{0,63}", expected="a lower-case word", remedy="e.g. residential_tower"
        ),
        domain=cells.choice("domain", Domain).value,
        name_zh=cells.name("name_zh"),
        name_en=cells.name("name_en"),
        region=cells.row["region"],
        latitude=cells.number("latitude", -90, 90, expected="-90 to 90", remedy="write degrees north, WGS84"),
        longitude=cells.number("longitude", -180, 180, expected="-180 to 180", remedy="write degrees east, WGS84"),
        code=cells.row["code"],
        hazard_class=_hazard_class(cells, known),
        risk_level=cells.choice("risk_level", RiskLevel).value if cells.row["risk_level"] else "",
    )


def _hazard_class(cells: Cells, known: _Known) -> str:
    if cells.row["hazard_class"]:
        cells.reference("hazard_class", known.hazard_classes, "hazard_classes")
    return cells.row["hazard_class"]


def _sensor(cells: Cells, known: _Known) -> Sensor:
    cells.reference("asset", known.assets, "assets")
    scale, offset = _conversion(cells, known.quantities)
    cadence_s = cells.number(
        "cadence_s",
        1e-3,
        MAX_CADENCE_S,
        expected=f"0.001 to {MAX_CADENCE_S} seconds",
        remedy="write the expected time between readings",
    )
    stale_after_s = _stale_after_s(cells, cadence_s)
    _check_heartbeat(cells, known)
    return Sensor(
        id=cells.word("id"),
        asset=cells.row["asset"],
        device=cells.word("device"),
        channel=cells.word("channel"),
        quantity=cells.row["quantity"],
        scale=scale,
        offset=offset,
        cadence_s=cadence_s,
        stale_after_s=stale_after_s,
        heartbeat=cells.row["heartbeat"],
        reorder_s=_reorder_s(cells, stale_after_s),
        design=_design(cells, known.quantities.get(cells.row["quantity"])),
    )


def _conversion(cells: Cells, quantities: Mapping[str, Quantity]) -> tuple[float, float]:
    name, unit = cells.row["quantity"], cells.row["unit"]
    if name not in quantities:
        remedy = close_name(name, quantities, "see docs/quantities.md, or add it to quantities.yaml of the district")
        cells.refuse("quantity", expected="a name of the catalogue of quantities", remedy=remedy)
        return 1.0, 0.0
    quantity = quantities[name]
    conversion = (1.0, 0.0) if unit == quantity.unit else quantity.conversion(unit)
    if conversion is None:
        accepted = sorted({*quantity.accepts, quantity.unit})
        own_lel = f", %LEL@{quantity.lel_vol:g} and the like" if quantity.lel_vol else ""
        expected = f"a unit of {name}: {', '.join(accepted)}{own_lel}"
        cells.refuse("unit", expected=expected, remedy="choose one of them or add it to accepts in quantities.yaml")
    return conversion or (1.0, 0.0)


def _stale_after_s(cells: Cells, cadence_s: float) -> float:
    if not cells.row["stale_after_s"]:
        return STALE_CADENCES * cadence_s
    return cells.number(
        "stale_after_s",
        cadence_s,
        100 * MAX_CADENCE_S,
        expected=f"at least the cadence ({cadence_s:g} s), or nothing",
        remedy=f"raise it, or empty the cell for {STALE_CADENCES} times the cadence",
    )


def _reorder_s(cells: Cells, stale_after_s: float) -> float:
    if not cells.row["reorder_s"]:
        return 0.0
    return cells.number(
        "reorder_s",
        0.0,
        min(stale_after_s, MAX_REORDER_S),
        expected=f"0 to the stale time ({stale_after_s:g} s) and at most {MAX_REORDER_S:g} s, or nothing",
        remedy="lower it: every warning of this sensor waits so long",
    )


def _design(cells: Cells, quantity: Quantity | None) -> float | None:
    if not cells.row["design"] or quantity is None:
        return None
    design = cells.number(
        "design",
        quantity.low,
        quantity.high,
        expected=f"{quantity.low:g} to {quantity.high:g} {quantity.unit}, or nothing",
        remedy=f"write the value that the asset is designed for, in {quantity.unit}",
    )
    return design or None


def _check_heartbeat(cells: Cells, known: _Known) -> None:
    if not cells.row["heartbeat"]:
        return
    other = cells.reference("heartbeat", known.sensors, "sensors")
    if other is None:
        return
    if other["device"] != cells.row["device"]:
        expected = f"a sensor of the same device {cells.row['device']}"
        got = f"{other['id']} of {other['device']}"
        cells.refuse("heartbeat", expected=expected, got=got, remedy="name this device's own heartbeat")
    elif other["quantity"] != HEARTBEAT:
        got = f"{other['id']}, which measures {other['quantity']}"
        cells.refuse("heartbeat", expected="a sensor of quantity heartbeat", got=got, remedy="name the counting sensor")
    elif other["id"] == cells.row["id"]:
        cells.refuse("heartbeat", expected="another sensor", got="itself", remedy="empty the cell")


def _contact(cells: Cells) -> Contact:
    phone = cells.row["phone"]
    if phone:
        remedy = "write + and the country code, e.g. +8613800000001, as text and not as a number"
        cells.pattern("phone", r"\+[1-9][0-9]{6,14}", expected="an E.164 number or nothing", remedy=remedy)
    return Contact(
        id=cells.word("id"),
        name_zh=cells.name("name_zh"),
        name_en=cells.name("name_en"),
        phone=phone,
        language=cells.choice("language", Language).value,
    )


def _duty(cells: Cells, known: _Known) -> Duty:
    cells.reference("asset", known.assets, "assets")
    cells.reference("contact", known.contacts, "contacts")
    return Duty(cells.row["asset"], cells.choice("role", Role), cells.row["contact"])


def _neighbours(table: Table, known: _Known, problems: list[Problem]) -> Mapping[str, Sequence[Neighbour]]:
    """Return both directions of every pair, nearest first."""
    found: dict[str, list[Neighbour]] = {}
    first: dict[frozenset[str], Row] = {}
    for row in table.rows:
        cells = Cells(row, problems)
        pair = [cells.reference(column, known.assets, "assets") for column in ("asset", "neighbour")]
        distance_m = cells.number(
            "distance_m",
            0.01,
            MAX_DISTANCE_M,
            expected=f"0.01 to {MAX_DISTANCE_M:g} metres",
            remedy="write the way along the pipe or the span",
        )
        one, other = row["asset"], row["neighbour"]
        before = first.setdefault(frozenset((one, other)), row)
        if one == other:
            cells.refuse("neighbour", expected="another asset", remedy="remove the row")
        elif before is not row:
            remedy = "remove one of the two: a pair counts in both directions"
            cells.refuse("neighbour", expected=f"each pair once (line {before.line} has it)", remedy=remedy)
        elif None not in pair:
            found.setdefault(one, []).append(Neighbour(other, distance_m))
            found.setdefault(other, []).append(Neighbour(one, distance_m))
    return {asset: tuple(sorted(each, key=lambda n: (n.distance_m, n.asset))) for asset, each in found.items()}
