import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel

from config.levels import WarningLevel
from config.loading import load_quantities
from config.register_rows import OPTIONAL_COLUMNS, OPTIONAL_TABLES, TABLES
from config.settings import Settings
from config.validation import models_at

DOCS_FOLDER = Path(__file__).parents[2] / "docs"
DOCS = (DOCS_FOLDER / "configuration.md").read_text(encoding="utf-8")


def _settings(model: type[BaseModel], prefix: str) -> Iterator[tuple[str, str]]:
    """Yield (name, row of the table) of every setting below `model`."""
    for name, field in model.model_fields.items():
        sections = models_at(model, (name,))
        if not isinstance(field.default, BaseModel):
            yield f"{prefix}{name}", " ".join((field.description or "").split())
        for section in sections:
            is_list = "tuple" in str(field.annotation)
            yield from _settings(section, f"{prefix}{name}{'[]' if is_list else ''}.")


SETTINGS = dict(_settings(Settings, ""))


@pytest.mark.parametrize("name", SETTINGS)
def test_docs_setting_has_its_row_with_its_own_words(name: str) -> None:
    """Each setting has one row that says what the model says."""
    rows = [line for line in DOCS.splitlines() if line.startswith(f"| `{name}` |")]

    assert [SETTINGS[name]] == [row.split(" | ")[2].removesuffix(" |") for row in rows]


def test_docs_name_no_setting_that_does_not_exist() -> None:
    """A row of a setting that was removed or renamed is removed too."""
    sections = "|".join(Settings.model_fields)
    named = set(re.findall(rf"^\| `((?:{sections})[.\[][^`]*)` \|", DOCS, re.MULTILINE))

    assert set() == named - set(SETTINGS)


@pytest.mark.parametrize(("table", "columns"), {**TABLES, **OPTIONAL_TABLES}.items())
def test_docs_table_of_a_file_names_its_columns(table: str, columns: tuple[str, ...]) -> None:
    """Each CSV file has a section, and each of its columns a row there."""
    section = DOCS.split(f"### {table}.csv")[1].split("\n### ")[0]
    named = [
        name for row in re.findall(r"^\| (`.*?`) \|", section, re.MULTILINE) for name in re.findall("`(.*?)`", row)
    ]

    assert [*columns, *OPTIONAL_COLUMNS.get(table, ())] == named


def test_docs_quantities_and_levels_are_those_of_the_program() -> None:
    """Each quantity stands with unit and range, each level with its names and colour."""
    catalogue = (DOCS_FOLDER / "quantities.md").read_text(encoding="utf-8")
    for quantity in load_quantities().values():
        limits = f"{quantity.low:.12g} to {quantity.high:.12g}"
        assert f"| `{quantity.name}` {quantity.zh} | {quantity.en} | `{quantity.unit}` | {limits} |" in catalogue
    for level in WarningLevel:
        assert f"| `{level.key}` | {level.en} | {level.zh} | {level.colour_zh} | `{level.hex}` |" in DOCS
