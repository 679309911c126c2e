"""What a rule file may say: pydantic models of the keys that every rule has; each kind adds its own.

Comes in: plain values from YAML. Goes out: checked models. Unknown keys are refused. Refuses to know the register.
"""

import typing

from pydantic import BaseModel, ConfigDict, Field

from rules.season import Season

_Name = typing.Annotated[str, Field(min_length=1)]


class Text(BaseModel):
    """The same sentence in both languages."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    zh: _Name
    en: _Name


class Where(BaseModel):
    """Filters that a sensor must all pass; a filter that is not given lets everything pass."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    domain: str | None = None
    asset_kinds: tuple[_Name, ...] | None = Field(default=None, min_length=1)
    assets: tuple[_Name, ...] | None = Field(default=None, min_length=1)
    sensors: tuple[_Name, ...] | None = Field(default=None, min_length=1)
    design: bool | None = None
    """Whether the sensor has a design value."""
    beside: tuple[_Name, ...] | None = Field(default=None, min_length=1)
    """Quantities of which its device, or else its asset, has exactly one other sensor."""


class RuleHead(BaseModel):
    """The keys of a rule of any kind."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str = Field(pattern=r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*$", max_length=80)
    kind: str
    quantity: str | None = None
    where: Where = Where()
    active: Season | None = None
    title: Text
    advice: Text


class PackFile(BaseModel):
    """A file of rules that any district can use."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rules: tuple[object, ...]


class DistrictFile(BaseModel):
    """The rules of one district: packs by name, and its own."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    packs: tuple[_Name, ...] = ()
    rules: tuple[object, ...] = ()
