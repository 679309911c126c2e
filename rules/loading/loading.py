"""I/O: reads the rules of a district and the packs that they name.

Input: the path of a rules file, register, quantities.
Output: `RuleSet`.
Not responsible for: the meaning of rules.
Rejects: a district with any wrong rule, with one `ConfigError` for all problems.
"""

import hashlib
import json
import typing
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import BaseModel, ValidationError

from config.document import Document
from config.errors import ConfigError
from config.files import read_yaml
from config.quantities import Quantity
from config.register import Register
from config.validation import problems_from_validation
from rules.loading.binding import Binder
from rules.rule import Rule, RuleSet
from rules.rule_file import DistrictFile, PackFile

Model = typing.TypeVar("Model", bound=BaseModel)

PACKS = Path(__file__).parents[1] / "packs"
"""The folder of the packs that ship with the program."""


def load_rules(path: Path, register: Register, quantities: Mapping[str, Quantity]) -> RuleSet:
    """Return the rules of the file at `path` (or of `rules.yaml` in the folder `path`), packs first.

    Raises:
        ConfigError: all problems of the file and of the packs that it names.
    """
    document = read_yaml(path / "rules.yaml" if path.is_dir() else path)
    return bind_rules(document, validate_document(document, DistrictFile), register, quantities)


def bind_rules(
    document: Document,
    written: DistrictFile,
    register: Register,
    quantities: Mapping[str, Quantity],
    *,
    must_bind: bool = True,
) -> RuleSet:
    """Return the rules of `written`, a part of `document`, and of the packs that it names, packs first.

    Args:
        document: the document of the rules; `packs` and `rules` are keys at its top.
        written: its content.
        register: the sensors to bind to.
        quantities: by name.
        must_bind: a rule of `document` without a sensor is a problem.

    Raises:
        ConfigError: all problems of the document and of the packs that it names.
    """
    binder = Binder(register, quantities)
    for i, name in enumerate(written.packs):
        if name in written.packs[:i]:
            got, remedy = f"{name} again", "remove one of the two"
            problem = document.problem(("packs", i), expected="each pack once", got=got, remedy=remedy)
            binder.problems.append(problem)
        else:
            _add_pack(binder, document, i, name)
    binder.add(document, written.rules, must_bind=must_bind)
    binder.check_all()
    if binder.problems:
        raise ConfigError(binder.problems)
    rules = tuple(each.rule for each in binder.bound)
    return RuleSet(rules, version_of(rules, register))


def pack_names() -> tuple[str, ...]:
    """Return the names of the packs that ship with the program."""
    return tuple(sorted(path.stem for path in PACKS.glob("*.yaml")))


def version_of(rules: Sequence[Rule], register: Register) -> str:
    """Return a short hash that changes whenever a word, a number or a binding of the rules changes."""
    written = [
        {
            "id": rule.id,
            "kind": rule.kind,
            "title": [rule.title_zh, rule.title_en],
            "advice": [rule.advice_zh, rule.advice_en],
            "quantity": rule.quantity.name if rule.quantity else None,
            "sensors": [register.sensors[number].id for number in rule.sensors],
            "options": rule.options.model_dump(mode="json"),
            "design": [register.sensors[number].design for number in rule.sensors],
            **({"active": rule.season.model_dump(mode="json")} if rule.season else {}),
        }
        for rule in rules
    ]
    text = json.dumps(written, sort_keys=True, ensure_ascii=False)
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def _add_pack(binder: Binder, document: Document, place: int, name: str) -> None:
    if name not in pack_names():
        expected = f"one of {', '.join(pack_names())}"
        problem = document.problem(("packs", place), expected=expected, got=name, remedy="correct the name")
        binder.problems.append(problem)
        return
    pack = read_yaml(PACKS / f"{name}.yaml")
    binder.add(pack, validate_document(pack, PackFile).rules, must_bind=False)


def validate_document(document: Document, model: type[Model]) -> Model:
    """Return the whole `document` as `model`.

    Raises:
        ConfigError: all problems that the model finds.
    """
    value = {} if document.value is None else document.value
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise ConfigError(problems_from_validation(document, error, model)) from error
