import re
from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.errors import ConfigError
from config.loading import load_quantities
from config.quantities import Quantity
from config.register import Register, Role
from config.register_rows import OPTIONAL_COLUMNS, OPTIONAL_TABLES, TABLES, register_from
from config.tables import Table, parse_table

GOOD = {
    "regions": [
        "id,kind,parent,name_zh,name_en",
        "C,city,,市,City",
        "D,district,C,区,District",
        "S,street,D,街道,Street",
        "M,community,S,社区,Community",
        "G,grid,M,网格,Grid",
    ],
    "assets": [
        "id,kind,domain,name_zh,name_en,region,latitude,longitude",
        "T-1,residential_tower,fire,楼,Tower,G,29.5,106.5",
        "T-2,residential_tower,fire,楼,Tower,G,29.5,106.5",
    ],
    "sensors": [
        "id,asset,device,channel,quantity,unit,cadence_s,stale_after_s,heartbeat",
        "F-1.p,T-1,F-1,p,fire_water_pressure,kPa,2,,F-1.h",
        "F-1.h,T-1,F-1,h,heartbeat,count,2,10,",
        "F-2.h,T-2,F-2,h,heartbeat,count,2,10,",
    ],
    "contacts": [
        "id,name_zh,name_en,phone,language",
        "anna,安娜,Anna,+8613800000001,en",
        "bo,波,Bo,,zh",
    ],
    "duties": ["asset,role,contact", "T-1,responsible,anna", "T-1,manager,bo"],
}


@pytest.fixture(scope="module")
def quantities() -> Mapping[str, Quantity]:
    """The packaged catalogue."""
    return load_quantities()


def _columns(name: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the columns that the file must have and those that it may have."""
    return {**TABLES, **OPTIONAL_TABLES}[name], OPTIONAL_COLUMNS.get(name, ())


def _tables(**changes: tuple[int, str]) -> dict[str, Table]:
    """Return the good district with lines replaced: `assets=(2, "...")`; one past the end appends."""
    tables = {}
    for name, lines in GOOD.items():
        text = list(lines)
        if name in changes:
            line, row = changes[name]
            text[line - 1 : line] = [row]
        tables[name] = parse_table("\n".join(text) + "\n", f"{name}.csv", *_columns(name))
    return tables


def _problems(quantities: Mapping[str, Quantity], **changes: tuple[int, str]) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        register_from(_tables(**changes), quantities)
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize(("cell", "expected"), [("", 0.0), ("0", 0.0), ("6", 6.0), ("2.5", 2.5)])
def test_register_time_to_wait_for_older_readings_is_optional(
    quantities: Mapping[str, Quantity], cell: str, expected: float
) -> None:
    """Nobody waits unasked."""
    tables = _tables()
    tables["sensors"] = _sensors_waiting(cell)

    assert expected == register_from(tables, quantities).sensors[0].reorder_s


@pytest.mark.parametrize("cell", ["-1", "7", "soon"])
def test_register_time_to_wait_beyond_the_stale_time_is_refused(quantities: Mapping[str, Quantity], cell: str) -> None:
    """A sensor would count as silent while its readings wait."""
    tables = _tables()
    tables["sensors"] = _sensors_waiting(cell)
    with pytest.raises(ConfigError, match=r"reorder_s: expected 0 to the stale time"):
        register_from(tables, quantities)


def _sensors_waiting(cell: str) -> Table:
    """Return the good sensors, of which the first has a stale time of 6 s and `cell` as its time to wait."""
    lines = [f"{line}," for line in GOOD["sensors"]]
    lines[0] += "reorder_s"
    lines[1] += cell
    return parse_table("\n".join(lines) + "\n", "sensors.csv", *_columns("sensors"))


def test_register_good_tables_are_linked(quantities: Mapping[str, Quantity]) -> None:
    """Units become scale and offset, and an empty stale time three times the cadence."""
    register = register_from(_tables(), quantities)
    sensor = register.sensors[register.channel_index["F-1", "p"]]

    assert ("F-1.p", 0.001, 0.0, 2.0, 6.0, "F-1.h") == (
        sensor.id,
        sensor.scale,
        sensor.offset,
        sensor.cadence_s,
        sensor.stale_after_s,
        sensor.heartbeat,
    )


@pytest.mark.parametrize(("cell", "expected"), [("", None), ("0", None), ("0.3", 0.3)])
def test_register_design_value_is_a_number_or_none(
    quantities: Mapping[str, Quantity], cell: str, expected: float | None
) -> None:
    """An empty cell and 0 say that nobody has said it; the unit is the canonical one."""
    assert expected == register_from(_with_design(cell), quantities).sensors[0].design


def test_register_design_value_that_no_instrument_shows_is_refused(quantities: Mapping[str, Quantity]) -> None:
    """A design value in the wrong unit is found."""
    with pytest.raises(
        ConfigError, match=r"design: expected -0.1 to 2.5 MPa, or nothing, got '300'; write the value that"
    ):
        register_from(_with_design("300"), quantities)


def _with_design(cell: str) -> dict[str, Table]:
    head, first, *others = GOOD["sensors"]
    lines = [f"{head},design", f"{first},{cell}", *(f"{each}," for each in others)]
    return {**_tables(), "sensors": parse_table("\n".join(lines) + "\n", "sensors.csv", *_columns("sensors"))}


WORDS = "use only these: the id becomes part of topics, links and series names"
PHONE = "write + and the country code, e.g. +8613800000001, as text and not as a number"
ORDER = "(city > district > street > community > grid)"
KINDS = "city, district, street, community, grid"
ROLES = "responsible, manager, maintenance, grid_worker, duty"


@pytest.mark.parametrize(
    ("table", "line", "row", "message"),
    [
        ("regions", 4, "S,street,X,街,S", "parent: expected an id of regions.csv, got 'X'; add the row to regions.csv"),
        ("regions", 4, "S,street,C,街,S", f"parent: expected a district above a street {ORDER}, got the city C; name "),
        ("regions", 2, "C,city,D,市,C", "parent: expected nothing: a city is the top, got 'D'; empty the cell"),
        ("regions", 6, "G,gird,M,网,G", f"kind: expected one of {KINDS}, got 'gird'; did you mean grid?"),
        ("regions", 7, "G,grid,M,网,G", "id: expected each id once (line 6 has it), got G; rename or remove one"),
        ("regions", 6, "G,grid,M,,G", "name_zh: expected 1 to 100 printable characters on one line, got nothing; "),
        ("assets", 3, "T/2,tower,fire,楼,T,G,1,1", f"id: expected 1 to 64 of A-Z a-z 0-9 _ . : -, got 'T/2'; {WORDS}"),
        ("assets", 3, "T-2,Tower,fire,楼,T,G,1,1", "kind: expected a lower-case word, got 'Tower'; e.g. residential"),
        ("assets", 3, "T-2,tower,fires,楼,T,G,1,1", "domain: expected one of gas, water, drain, bridge, tunnel, fire,"),
        ("assets", 3, "T-2,tower,fire,楼,T,M,1,1", "region: expected a grid, got the community M; name the grid that"),
        ("assets", 3, "T-2,tower,fire,楼,T,X,1,1", "region: expected an id of regions.csv, got 'X'; add the row to "),
        ("assets", 3, "T-2,tower,fire,楼,T,G,91,1", "latitude: expected -90 to 90, got '91'; write degrees north"),
        ("assets", 3, "T-2,tower,fire,楼,T,G,1,nan", "longitude: expected -180 to 180, got 'nan'; write degrees east"),
        ("assets", 4, "T-1,tower,fire,楼,T,G,1,1", "id: expected each id once (line 2 has it), got T-1; rename or "),
        ("sensors", 4, "x y,T-2,F-2,h,heartbeat,count,2,,", "id: expected 1 to 64 of A-Z a-z 0-9 _ . : -, got 'x y'"),
        ("sensors", 4, "F-2.h,T-9,F-2,h,heartbeat,count,2,,", "asset: expected an id of assets.csv, got 'T-9'; did yo"),
        ("sensors", 4, "F-2.h,T-2,F-2,h,pulse,count,2,,", "quantity: expected a name of the catalogue of quantities"),
        ("sensors", 4, "F-2.p,T-2,F-2,p,methane,%,2,,", "unit: expected a unit of methane: %LEL, %vol, ppm, %LEL@5"),
        ("sensors", 4, "F-2.h,T-2,F-2,h,heartbeat,count,0,,", "cadence_s: expected 0.001 to 604800 seconds, got '0'; "),
        ("sensors", 4, "F-2.h,T-2,F-2,h,heartbeat,count,-2,,", "cadence_s: expected 0.001 to 604800 seconds, got '-2'"),
        ("sensors", 4, "F-2.h,T-2,F-2,h,heartbeat,count,2,1,", "stale_after_s: expected at least the cadence (2 s), o"),
        ("sensors", 4, "F-2.h,T-2,F-2,h,heartbeat,count,2,,X", "heartbeat: expected an id of sensors.csv, got 'X'; ad"),
        ("sensors", 4, "F-2.t,T-2,F-2,t,temperature,K,2,,F-1.h", "heartbeat: expected a sensor of the same device F-2"),
        ("sensors", 3, "F-1.h,T-1,F-1,h,battery,%,2,,", "heartbeat: expected a sensor of quantity heartbeat, got F-1."),
        ("sensors", 3, "F-1.h,T-1,F-1,h,heartbeat,count,2,,F-1.h", "heartbeat: expected another sensor, got itself; e"),
        ("sensors", 4, "F-1.q,T-1,F-1,p,battery,%,2,,", "channel: expected each device and channel once (line 2 has i"),
        ("sensors", 4, "F-1.t,T-2,F-1,t,temperature,K,2,,", "asset: expected T-1, where line 2 puts device F-1, got '"),
        ("contacts", 3, "bo,波,Bo,13800000001,zh", "phone: expected an E.164 number or nothing, got '13800000001'"),
        ("contacts", 3, "bo,波,Bo,8.6138E+12,zh", "phone: expected an E.164 number or nothing, got '8.6138E+12'"),
        ("contacts", 3, "bo,波,Bo,,fr", "language: expected one of zh, en, got 'fr'; choose one of them"),
        ("duties", 3, "T-9,manager,bo", "asset: expected an id of assets.csv, got 'T-9'; did you mean"),
        ("duties", 3, "T-1,manager,bob", "contact: expected an id of contacts.csv, got 'bob'; did you mean bo?"),
        ("duties", 3, "T-1,boss,bo", f"role: expected one of {ROLES}, got 'boss'; choose one of them"),
        ("duties", 3, "T-1,responsible,bo", "contact: expected one responsible contact an asset (anna at line 2), got"),
        ("duties", 4, "T-1,manager,bo", "contact: expected each asset and role and contact once (line 3 has it), got "),
    ],
)  # fmt: skip
def test_register_wrong_row_says_where_and_what_to_do(
    quantities: Mapping[str, Quantity], table: str, line: int, row: str, message: str
) -> None:
    """One wrong cell gives a problem with file, line, column, expected, got and remedy."""
    problems = _problems(quantities, **{table: (line, row)})

    # The line of a problem is that of the row that names the wrong thing, which need not be the changed one.
    assert any(problem.split(" ", 1)[1].startswith(message) for problem in problems), problems
    assert all(problem.startswith(f"{table}.csv:") for problem in problems if f" {message[:8]}" in problem)


def test_register_every_error_of_every_file_is_reported_at_once(quantities: Mapping[str, Quantity]) -> None:
    """Problems come in the order of files and lines, all together."""
    problems = _problems(
        quantities,
        regions=(6, "G,grid,C,网,G"),
        assets=(3, "T 2,tower,fire,楼,T,G,99,1"),
        contacts=(3, "bo,波,Bo,123,xx"),
    )

    assert [
        "regions.csv:6 parent",
        "assets.csv:3 id",
        "assets.csv:3 latitude",
        "sensors.csv:4 asset",
        "contacts.csv:3 phone",
        "contacts.csv:3 language",
    ] == sorted((problem.split(": ")[0] for problem in problems), key=_place)


def _place(text: str) -> tuple[int, int]:
    file, line = text.split(" ", maxsplit=1)[0].split(":")
    return list(TABLES).index(file.removesuffix(".csv")), int(line)


def test_register_unreadable_file_causes_no_second_problem(quantities: Mapping[str, Quantity]) -> None:
    """With a broken header in regions.csv, the assets that name regions are not blamed."""
    problems = _problems(quantities, regions=(1, "id,kind,parent,name_zh"))

    assert ["regions.csv:1 name_en"] == [problem.split(": ")[0] for problem in problems]


def test_register_contacts_for_follow_the_order_of_the_file(quantities: Mapping[str, Quantity]) -> None:
    """Contacts of an asset and role come in file order; a role that nobody holds is empty."""
    tables = _tables(duties=(4, "T-1,manager,anna"))

    register = register_from(tables, quantities)

    assert ["bo", "anna"] == [contact.id for contact in register.contacts_for("T-1", Role.MANAGER)]
    assert () == register.contacts_for("T-2", Role.DUTY)


CELLS = st.sampled_from(
    [
        "",
        "C",
        "G",
        "T-1",
        "F-1.h",
        "F-1",
        "city",
        "grid",
        "fire",
        "heartbeat",
        "count",
        "kPa",
        "2",
        "-1",
        "nan",
        "1e999",
    ]
) | st.text(max_size=8)


@settings(max_examples=200)
@given(st.sampled_from(list(TABLES)), st.lists(st.lists(CELLS, min_size=9, max_size=9), max_size=5))
def test_register_random_rows_raise_nothing_but_config_errors(table: str, rows: list[list[str]]) -> None:
    """Whatever stands in the cells, the outcome is a register or a ConfigError."""
    tables = _tables()
    width = len(TABLES[table])
    lines = ["\x1f".join(row[:width]).replace(",", "").replace('"', "").replace("\x1f", ",") for row in rows]
    tables[table] = parse_table("\n".join([",".join(TABLES[table]), *lines]), f"{table}.csv", *_columns(table))

    try:
        outcome: object = register_from(tables, _small_catalogue())
    except ConfigError as error:
        outcome = error

    assert isinstance(outcome, Register | ConfigError)


def _small_catalogue() -> Mapping[str, Quantity]:
    """Return a small catalogue that needs no file."""
    sources = {"low": 0.0, "high": 1.0, "max_rate": 1.0, "decimals": 0, "source": "assumed"}
    heartbeat = Quantity("heartbeat", "心跳", "heartbeat", "count", accepts={}, **sources)
    pressure = Quantity("fire_water_pressure", "压", "pressure", "MPa", accepts={"kPa": (0.001, 0.0)}, **sources)
    return {"heartbeat": heartbeat, "fire_water_pressure": pressure}


CLASSES = "id,name_zh,name_en\nseptic_tank,化粪池,septic tank\n"
LISTED = "id,kind,domain,name_zh,name_en,region,latitude,longitude,code,hazard_class,risk_level"


def _listed(assets: str, neighbours: str = "asset,neighbour,distance_m\n") -> dict[str, Table]:
    """Return the good district with optional columns and files."""
    texts = {"assets": f"{LISTED}\n{assets}", "hazard_classes": CLASSES, "neighbours": neighbours}
    return _tables() | {name: parse_table(text, f"{name}.csv", *_columns(name)) for name, text in texts.items()}


def _row(asset: str, code: str = "", hazard_class: str = "", risk_level: str = "") -> str:
    return f"{asset},residential_tower,fire,楼,Tower,G,29.5,106.5,{code},{hazard_class},{risk_level}\n"


def test_register_listed_hazard_point_has_class_level_and_code(quantities: Mapping[str, Quantity]) -> None:
    """A hazard point is an asset with three more columns."""
    tables = _listed(_row("T-1", "YZ-000001-6", "septic_tank", "orange") + _row("T-2"))
    register = register_from(tables, quantities)
    asset = register.assets["T-1"]

    assert ("YZ-000001-6", "septic_tank", "orange") == (asset.code, asset.hazard_class, asset.risk_level)
    assert "化粪池" == register.hazard_classes["septic_tank"].name_zh
    assert "" == register.assets["T-2"].code


@pytest.mark.parametrize(
    ("assets", "message"),
    [
        (_row("T-1", "YZ-000001-V") + _row("T-2"), "assets.csv:2 code: expected a code with its check character last"),
        (_row("T-1", "YZ-000001-V") + _row("T-2"), "it would be YZ-000001-6"),
        (_row("T-1", "yz 1") + _row("T-2"), "it would be 0-9, A-Z and hyphens, at least three"),
        (_row("T-1", "YZ-000001-6") + _row("T-2", "YZ0000016"), "assets.csv:3 code: expected each code once (line 2"),
        (_row("T-1", "", "septic") + _row("T-2"), "hazard_class: expected an id of hazard_classes.csv, got 'septic'"),
        (_row("T-1", "", "", "purple") + _row("T-2"), "risk_level: expected one of red, orange, yellow, blue, green"),
    ],
)
def test_register_wrong_hazard_point_says_what_to_do(
    quantities: Mapping[str, Quantity], assets: str, message: str
) -> None:
    """A wrong code shows the right one; classes and levels name what there is."""
    with pytest.raises(ConfigError) as caught:
        register_from(_listed(assets), quantities)

    assert message in str(caught.value)


def test_register_neighbours_count_in_both_directions(quantities: Mapping[str, Quantity]) -> None:
    """One row tells both ends how far the other is."""
    tables = _listed(_row("T-1") + _row("T-2"), "asset,neighbour,distance_m\nT-1,T-2,120\n")
    register = register_from(tables, quantities)

    assert [("T-2", 120.0)] == [(each.asset, each.distance_m) for each in register.neighbours["T-1"]]
    assert [("T-1", 120.0)] == [(each.asset, each.distance_m) for each in register.neighbours["T-2"]]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("T-1,T-1,5", "neighbour: expected another asset"),
        ("T-1,T-9,5", "neighbour: expected an id of assets.csv"),
        ("T-1,T-2,-5", "distance_m: expected 0.01 to 100000 metres"),
        ("T-1,T-2,5\nT-2,T-1,5", "neighbours.csv:3 neighbour: expected each pair once (line 2 has it)"),
    ],
)
def test_register_wrong_neighbours_are_refused(quantities: Mapping[str, Quantity], row: str, message: str) -> None:
    """Strangers, loops, impossible ways and repetition are mistakes."""
    with pytest.raises(ConfigError, match=re.escape(message)):
        register_from(_listed(_row("T-1") + _row("T-2"), f"asset,neighbour,distance_m\n{row}\n"), quantities)
