"""The register out of its five tables, every row checked alone and against the others.

Comes in: tables of regions, assets, sensors, contacts and duties, and the quantities. Goes out: `Register`, or one
`ConfigError` with everything that is wrong. Refuses to open files and to repair.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from config.cells import Cells, close_name, unique_rows
from config.errors import ConfigError, Problem
from config.quantities import Quantity
from config.register import Asset, Contact, Duty, Region, RegionKind, Register, Role, Sensor
from config.tables import Row, Table

TABLES: Mapping[str, tuple[str, ...]] = {
    "regions": ("id", "kind", "parent", "name_zh", "name_en"),
    "assets": ("id", "kind", "domain", "name_zh", "name_en", "region", "latitude", "longitude"),
    "sensors": ("id", "asset", "device", "channel", "quantity", "unit", "cadence_s", "stale_after_s", "heartbeat"),
    "contacts": ("id", "name_zh", "name_en", "phone", "language"),
    "duties": ("asset", "role", "contact"),
}
"""Columns of each file of a district."""

HEARTBEAT = "heartbeat"
"""The quantity that counts up while a device lives."""

MAX_CADENCE_S = 7 * 86_400
"""Longest expected time between readings, seconds; assumed: a device that reports less than weekly cannot warn."""

STALE_CADENCES = 3
"""Missed readings until a sensor counts as blind where the register gives no time; assumed."""


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


@dataclass(frozen=True, slots=True)
class _Known:
    """The rows that others may name; None where their file could not be read."""

    regions: Mapping[str, Row] | None
    assets: Mapping[str, Row] | None
    sensors: Mapping[str, Row] | None
    contacts: Mapping[str, Row] | None
    quantities: Mapping[str, Quantity]


def register_from(tables: Mapping[str, Table], quantities: Mapping[str, Quantity]) -> Register:
    """Return the register that `tables` describe.

    Args:
        tables: one for each name in `TABLES`.
        quantities: the catalogue by name.

    Raises:
        ConfigError: everything that is wrong, by file and line.
    """
    problems = [problem for table in tables.values() for problem in table.problems]
    known = _Known(
        _by_id(tables["regions"], problems),
        _by_id(tables["assets"], problems),
        _by_id(tables["sensors"], problems),
        _by_id(tables["contacts"], problems),
        quantities,
    )
    regions = [_region(cells, known) for cells in _each(tables["regions"], problems)]
    assets = [_asset(cells, known) for cells in _each(tables["assets"], problems)]
    sensors = [_sensor(cells, known) for cells in _each(tables["sensors"], problems)]
    contacts = [_contact(cells) for cells in _each(tables["contacts"], problems)]
    duties = [_duty(cells, known) for cells in _each(tables["duties"], problems)]
    _check_sensors(tables["sensors"], problems)
    _check_duties(tables["duties"], problems)
    if problems:
        files = [table.file for table in tables.values()]
        raise ConfigError(sorted(problems, key=lambda problem: (files.index(problem.file), problem.line)))
    return Register(
        {region.id: region for region in regions},
        {asset.id: asset for asset in assets},
        tuple(sensors),
        {contact.id: contact for contact in contacts},
        tuple(duties),
    )


def _by_id(table: Table, problems: list[Problem]) -> Mapping[str, Row] | None:
    rows = {key[0]: row for key, row in unique_rows(table, ("id",), problems).items()}
    return rows if table.is_readable else None


def _each(table: Table, problems: list[Problem]) -> Iterator[Cells]:
    return (Cells(row, problems) for row in table.rows)


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
    )


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
        stale_after_s=_stale_after_s(cells, cadence_s),
        heartbeat=cells.row["heartbeat"],
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


def _check_sensors(table: Table, problems: list[Problem]) -> None:
    """Check what only several sensors together can break: channels and devices."""
    unique_rows(table, ("device", "channel"), problems)
    homes: dict[str, Row] = {}
    for row in table.rows:
        home = homes.setdefault(row["device"], row)
        if home["asset"] != row["asset"]:
            expected = f"{home['asset']}, where line {home.line} puts device {row['device']}"
            problems.append(row.problem("asset", expected=expected, remedy="a device stands at one asset"))


def _check_duties(table: Table, problems: list[Problem]) -> None:
    """Check what only several duties together can break: repetition and a second responsible contact."""
    unique_rows(table, ("asset", "role", "contact"), problems)
    first: dict[str, Row] = {}
    for row in table.rows:
        before = first.setdefault(row["asset"], row) if row["role"] == Role.RESPONSIBLE else row
        if before["contact"] != row["contact"]:
            expected = f"one responsible contact an asset ({before['contact']} at line {before.line})"
            problems.append(row.problem("contact", expected=expected, remedy="give one of the two another role"))
