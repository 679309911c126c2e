"""The catalogue of quantities from its YAML document.

Input: a `Document`.
Output: `Catalogue`: families of units, and `Quantity` values by name.
Not responsible for: opening files.
Rejects: unknown keys, wrong units and impossible ranges.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from config.document import Document
from config.errors import ConfigError, Problem
from config.quantities import Conversion, Quantity
from config.validation import problems_from_validation

NAME = r"[a-z][a-z0-9_]{0,63}"
"""Names of quantities are measurements of the time-series database: nothing in them needs escaping."""

LEL = "%LEL"
"""Unit of a gas with `lel_vol`: percent of its lower explosive limit."""

PPM_IN_PERCENT = 10_000.0


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Everything that a document about quantities says."""

    units: Mapping[str, Mapping[str, Conversion]] = field(default_factory=dict)
    """Family, unit, and how it becomes the family's base unit."""
    quantities: Mapping[str, Quantity] = field(default_factory=dict)


class _Conversion(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    scale: FiniteFloat
    offset: FiniteFloat = 0.0

    @model_validator(mode="before")
    @classmethod
    def _number_is_a_scale(cls, written: object) -> object:
        is_number = isinstance(written, int | float) and not isinstance(written, bool)
        return {"scale": written} if is_number else written

    @model_validator(mode="after")
    def _scale_keeps_information(self) -> Self:
        if self.scale == 0:
            raise _wrong("a scale other than 0", "canonical = value * scale + offset")
        return self


class _Row(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    zh: str = Field(min_length=1)
    en: str = Field(min_length=1)
    unit: str = Field(min_length=1)
    units: str = ""
    low: FiniteFloat
    high: FiniteFloat
    max_rate: float = Field(gt=0)
    decimals: int = Field(ge=0, le=9)
    lel_vol: FiniteFloat | None = Field(default=None, gt=0, le=100)
    accepts: dict[str, _Conversion] = Field(default_factory=dict)
    source: str = Field(min_length=1)

    @model_validator(mode="after")
    def _bounds_make_sense(self) -> Self:
        if self.low >= self.high:
            raise _wrong(f"low ({self.low}) below high ({self.high})", "swap or correct them")
        if self.accepts.get(self.unit, _Conversion(scale=1)) != _Conversion(scale=1):
            raise _wrong(f"scale 1 and offset 0 for the canonical unit {self.unit}", "remove it from accepts")
        if self.lel_vol is not None and self.unit != LEL:
            raise _wrong(f"the canonical unit {LEL} beside lel_vol", "correct the unit or remove lel_vol")
        return self


class _Catalogue(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    units: dict[str, dict[str, _Conversion]] = Field(default_factory=dict)
    quantities: dict[str, _Row] = Field(min_length=1)


def quantities_from(document: Document) -> dict[str, Quantity]:
    """Return the quantities of `document` by name, in its order.

    Raises:
        ConfigError: everything that is wrong in it.
    """
    return dict(catalogue_from(document).quantities)


def catalogue_from(document: Document, known: Catalogue | None = None) -> Catalogue:
    """Return `known` with the families and quantities of `document` added.

    Args:
        document: units and quantities.
        known: the catalogue so far; a quantity of it may get another range, but never another unit.

    Raises:
        ConfigError: everything that is wrong in it.
    """
    before = known or Catalogue()
    problems = list(_name_problems(document))
    try:
        rows = _Catalogue.model_validate(document.value)
    except ValidationError as error:
        problems += problems_from_validation(document, error, _Catalogue)
        raise ConfigError(problems) from error
    added = {name: {unit: (each.scale, each.offset) for unit, each in row.items()} for name, row in rows.units.items()}
    units = {**before.units, **added}
    for name, row in rows.quantities.items():
        problems += _row_problems(document, name, row, units)
        if name in before.quantities and before.quantities[name].unit != row.unit:
            expected = f"{before.quantities[name].unit}, the unit that rules and stored values have"
            remedy = "keep the unit or choose another name"
            problems.append(
                document.problem(("quantities", name, "unit"), expected=expected, got=row.unit, remedy=remedy)
            )
    if problems:
        raise ConfigError(problems)
    quantities = {name: _quantity(name, row, units) for name, row in rows.quantities.items()}
    return Catalogue(units, {**before.quantities, **quantities})


def _name_problems(document: Document) -> list[Problem]:
    try:
        quantities = document.at(("quantities",))
    except LookupError:
        return []
    names = quantities if isinstance(quantities, dict) else {}
    remedy = "rename it: it is a measurement of the time-series database"
    expected = "a lower-case word with digits and underscores"
    return [
        document.problem(("quantities", name), expected=expected, got=repr(name), remedy=remedy)
        for name in names
        if not re.fullmatch(NAME, name)
    ]


def _row_problems(
    document: Document, name: str, row: _Row, units: Mapping[str, Mapping[str, Conversion]]
) -> Iterator[Problem]:
    if not row.units:
        return
    if row.units not in units:
        expected, remedy = f"a family of units: {', '.join(units)}", "choose one of them or add it to units"
        yield document.problem(("quantities", name, "units"), expected=expected, got=row.units, remedy=remedy)
    elif row.unit not in units[row.units]:
        expected = f"a unit of {row.units}: {', '.join(units[row.units])}"
        remedy = "choose one of them or another family"
        yield document.problem(("quantities", name, "unit"), expected=expected, got=row.unit, remedy=remedy)


def _quantity(name: str, row: _Row, units: Mapping[str, Mapping[str, Conversion]]) -> Quantity:
    accepts = _family(units[row.units], row.unit) if row.units else {}
    if row.lel_vol is not None:
        accepts |= {"%vol": (100.0 / row.lel_vol, 0.0), "ppm": (100.0 / row.lel_vol / PPM_IN_PERCENT, 0.0)}
    accepts |= {unit: (each.scale, each.offset) for unit, each in row.accepts.items()}
    return Quantity(
        name=name,
        zh=row.zh,
        en=row.en,
        unit=row.unit,
        low=row.low,
        high=row.high,
        max_rate=row.max_rate,
        decimals=row.decimals,
        accepts=MappingProxyType(accepts | {row.unit: (1.0, 0.0)}),
        source=row.source,
        lel_vol=row.lel_vol,
    )


def _family(family: Mapping[str, Conversion], canonical: str) -> dict[str, Conversion]:
    """Return how each unit of `family` becomes `canonical`, itself one of them."""
    to_scale, to_offset = family[canonical]
    return {
        unit: (scale / to_scale, (offset - to_offset) / to_scale)
        for unit, (scale, offset) in family.items()
        if unit != canonical
    }


def _wrong(expected: str, remedy: str) -> PydanticCustomError:
    return PydanticCustomError("lifeline", "expected {expected}", {"expected": expected, "remedy": remedy})
