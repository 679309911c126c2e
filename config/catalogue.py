"""The catalogue of quantities out of its YAML document.

Comes in: a `Document`. Goes out: `Quantity` values by name. Refuses to open files.
"""

import re
from types import MappingProxyType
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from config.document import Document
from config.errors import ConfigError, Problem
from config.quantities import Quantity
from config.validation import problems_from_validation

NAME = r"[a-z][a-z0-9_]{0,63}"
"""Names of quantities are measurements of the time-series database: nothing in them needs escaping."""


class _Conversion(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    scale: FiniteFloat
    offset: FiniteFloat = 0.0

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
    low: FiniteFloat
    high: FiniteFloat
    max_rate: float = Field(gt=0)
    decimals: int = Field(ge=0, le=9)
    accepts: dict[str, _Conversion] = Field(default_factory=dict)
    source: str = Field(min_length=1)

    @model_validator(mode="after")
    def _bounds_make_sense(self) -> Self:
        if self.low >= self.high:
            raise _wrong(f"low ({self.low}) below high ({self.high})", "swap or correct them")
        if self.accepts.get(self.unit, _Conversion(scale=1)) != _Conversion(scale=1):
            raise _wrong(f"scale 1 and offset 0 for the canonical unit {self.unit}", "remove it from accepts")
        return self


class _Catalogue(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    quantities: dict[str, _Row] = Field(min_length=1)


def quantities_from(document: Document) -> dict[str, Quantity]:
    """Return the quantities of `document` by name, in its order.

    Raises:
        ConfigError: everything that is wrong in it.
    """
    problems = list(_name_problems(document))
    try:
        rows = _Catalogue.model_validate(document.value).quantities
    except ValidationError as error:
        problems += problems_from_validation(document, error, _Catalogue)
        raise ConfigError(problems) from error
    if problems:
        raise ConfigError(problems)
    return {name: _quantity(name, row) for name, row in rows.items()}


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


def _quantity(name: str, row: _Row) -> Quantity:
    accepts = {unit: (each.scale, each.offset) for unit, each in row.accepts.items()}
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
    )


def _wrong(expected: str, remedy: str) -> PydanticCustomError:
    return PydanticCustomError("lifeline", "expected {expected}", {"expected": expected, "remedy": remedy})
