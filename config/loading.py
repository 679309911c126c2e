"""I/O: settings, quantities and register from files and environment.

Input: paths and the environment.
Output: `Settings`, quantities, `Register`.
Not responsible for: repairs.
Rejects: every mistake, all at once, as one `ConfigError`; then nothing is loaded.
"""

import dataclasses
import os
import typing
from collections.abc import Mapping
from pathlib import Path

from pydantic import ValidationError

from config.catalogue import catalogue_from
from config.city_time import DEFAULT_ZONE, CityTime
from config.document import Document, Plain
from config.errors import ConfigError, Problem
from config.files import read_text, read_yaml
from config.overrides import merged, read_overrides
from config.quantities import Quantity
from config.register import Register
from config.register_rows import OPTIONAL_COLUMNS, OPTIONAL_TABLES, TABLES, register_from
from config.settings import Settings, secret_settings
from config.tables import Table, parse_table, unreadable
from config.validation import problems_from_validation

QUANTITIES = "quantities.yaml"
"""The catalogue's file, packaged and in a district."""

MAX_SECRET_BYTES = 64 * 1024
"""Largest secret file; assumed."""


def load_settings(path: Path | None, environ: Mapping[str, str] | None = None) -> Settings:
    """Return the settings of the YAML file at `path`, overridden by the environment.

    Args:
        path: the settings file; None means none.
        environ: variables, of which `LIFELINE_<SECTION>__<NAME>` count; None means those of the process.

    Raises:
        ConfigError: everything that is wrong in file and environment.
    """
    document = read_yaml(path) if path else Document("(settings)", None)
    if not isinstance(document.value, dict | None):
        problem = document.problem((), expected="a mapping", got="something else", remedy="write `name: value` lines")
        raise ConfigError([problem])
    overrides = read_overrides(os.environ if environ is None else environ)
    # An empty section (`mqtt:` with all its lines commented out) means its defaults.
    written = {name: section for name, section in (document.value or {}).items() if section is not None}
    values = merged(written, overrides.values)
    problems = [*overrides.problems, *_read_secrets(document, values)]
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        whole = Document(document.file, typing.cast("Plain", values), document.lines)
        problems += problems_from_validation(whole, error, Settings)
    else:
        if not problems:
            return settings
    raise ConfigError([_with_origin(problem, overrides.origins) for problem in problems])


def load_quantities(district: Path | None = None) -> dict[str, Quantity]:
    """Return the packaged quantities by name, and those of the district's own `quantities.yaml` if it has one.

    Raises:
        ConfigError: everything that is wrong in a file.
    """
    catalogue = catalogue_from(read_yaml(Path(__file__).parent / QUANTITIES))
    own = district / QUANTITIES if district else None
    if own is not None and own.exists():
        catalogue = catalogue_from(read_yaml(own), catalogue)
    return dict(catalogue.quantities)


def load_register(folder: Path, quantities: Mapping[str, Quantity], time_zone: str = DEFAULT_ZONE) -> Register:
    """Return the register of the district in `folder`: regions, assets, sensors, contacts and duties as CSV.

    `time_zone` is the IANA name of the city's time zone.

    Raises:
        ConfigError: everything that is wrong in all files.
    """
    register = register_from(load_tables(folder), quantities)
    return dataclasses.replace(register, city=CityTime(time_zone))


def load_tables(folder: Path) -> dict[str, Table]:
    """Return the tables of the district in `folder`, unchecked; optional files that are not there are left out.

    Without hazard classes of its own a district has the packaged ones.
    """
    tables = {name: load_table(folder / f"{name}.csv", name) for name in TABLES}
    optional = [name for name in OPTIONAL_TABLES if (folder / f"{name}.csv").exists()]
    return tables | packaged_tables() | {name: load_table(folder / f"{name}.csv", name) for name in optional}


def packaged_tables() -> dict[str, Table]:
    """Return the tables that count where a district has none of its own."""
    return {"hazard_classes": load_table(Path(__file__).parent / "hazard_classes.csv", "hazard_classes")}


def load_table(path: Path, name: str) -> Table:
    """Return the table of the file at `path`, which has the columns of the file called `name` of a district."""
    columns = TABLES[name] if name in TABLES else OPTIONAL_TABLES[name]
    try:
        return parse_table(read_text(path), str(path), columns, OPTIONAL_COLUMNS.get(name, ()))
    except ConfigError as error:
        return unreadable(str(path), error.problems)


def _read_secrets(document: Document, values: dict[str, object]) -> list[Problem]:
    """Put the content of each `*_file` beside it, into the secret that it stands for."""
    problems: list[Problem] = []
    for section, name in secret_settings():
        written = values.get(section)
        if not isinstance(written, dict) or not isinstance(written.get(f"{name}_file"), str):
            continue
        path = Path(written[f"{name}_file"])
        try:
            secret = read_text(path, MAX_SECRET_BYTES).strip("\r\n")
        except ConfigError as error:
            for each in error.problems:
                got = f"{path}: {each.got}"
                place = (section, f"{name}_file")
                problems.append(document.problem(place, expected=each.expected, got=got, remedy=each.remedy))
            continue
        if name in written:
            expected, got, remedy = f"{name} or {name}_file", "both", "remove one of the two"
        elif not secret:
            expected, got, remedy = "a secret in the file", "an empty file", f"write the secret into {path}"
        else:
            values[section] = {**written, name: secret}
            continue
        problems.append(document.problem((section, f"{name}_file"), expected=expected, got=got, remedy=remedy))
    return problems


def _with_origin(problem: Problem, origins: Mapping[str, str]) -> Problem:
    """Return `problem` naming the environment variable that gave its setting, or a part of it, if one did."""
    for setting, variable in origins.items():
        is_within = f"{problem.path}.".startswith(f"{setting}.") or problem.path.startswith(f"{setting}[")
        is_part = problem.line == 0 and setting.startswith(f"{problem.path}.")
        if is_within or is_part:
            return dataclasses.replace(problem, file=variable, line=0)
    return problem
