"""The JSON Schema of rules files and of files of rule tests, for editors that complete and check while one types.

Comes in: the table of rule kinds. Goes out: plain values. Refuses to check a rule: what needs the register, the
catalogue or another rule is found by `lifeline check`.
"""

import typing

from pydantic import BaseModel, TypeAdapter

from rules.kinds import RULE_KINDS
from rules.spec import DistrictFile, RuleHead
from rules.testing_spec import RuleTestFile

Json = dict[str, "Json"] | list["Json"] | str | int | float | bool | None

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def rules_schema() -> dict[str, Json]:
    """Return the schema of a district's `rules.yaml` or of a pack: each kind has its own keys."""
    schema = _of(DistrictFile)
    definitions = _definitions(schema)
    schema["title"] = "Rules of a Lifeline district"
    schema["properties"] = {**_mapping(schema["properties"]), "rules": _rules(definitions)}
    schema["$defs"] = definitions
    return schema


def tests_schema() -> dict[str, Json]:
    """Return the schema of a file of rule tests."""
    schema = _of(RuleTestFile)
    definitions = _definitions(schema)
    schema["title"] = "Tests of Lifeline rules"
    schema["properties"] = {**_mapping(schema["properties"]), "rules": _rules(definitions)}
    schema["$defs"] = definitions
    return schema


def _rules(definitions: dict[str, Json]) -> Json:
    """Return a list of rules, told apart by `kind`, and put what it refers to into `definitions`."""
    head = _of(RuleHead)
    definitions |= _definitions(head)
    kinds: dict[str, Json] = {}
    for name, kind in RULE_KINDS.items():
        own = _of(kind.options)
        definitions |= _definitions(own)
        word: dict[str, Json] = {"const": name, "description": "What the rule looks for."}
        keys = {**_mapping(head["properties"]), "kind": word, **_mapping(own.get("properties"))}
        needed = [*_listed(head.get("required")), *_listed(own.get("required"))]
        definitions[f"rule_{name}"] = {
            "title": name,
            "description": own.get("description", ""),
            "type": "object",
            "properties": keys,
            "required": needed,
            "additionalProperties": False,
        }
        kinds[name] = {"$ref": f"#/$defs/rule_{name}"}
    words: Json = list(kinds)
    # A chain of conditions rather than `oneOf`: an editor then names the wrong key instead of fifteen wrong kinds.
    branches: Json = [
        {"if": {"properties": {"kind": {"const": name}}, "required": ["kind"]}, "then": reference}
        for name, reference in kinds.items()
    ]
    item: dict[str, Json] = {
        "type": "object",
        "properties": {"kind": {"enum": words, "description": "What the rule looks for."}},
        "required": ["kind"],
        "allOf": branches,
    }
    return {"type": "array", "items": item, "description": "Rules, one after the other."}


def _of(model: type[BaseModel]) -> dict[str, Json]:
    schema = typing.cast("dict[str, Json]", TypeAdapter(model).json_schema(mode="validation"))
    return {"$schema": _DIALECT, **schema}


def _definitions(schema: dict[str, Json]) -> dict[str, Json]:
    return dict(_mapping(schema.pop("$defs", {})))


def _mapping(value: Json) -> dict[str, Json]:
    return value if isinstance(value, dict) else {}


def _listed(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []
