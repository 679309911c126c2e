"""The tables of docs/packs.md, made from the packs: `python -m tests.rules.packs_page` prints them."""

import sys
from collections.abc import Iterator, Mapping
from functools import cache

import yaml

from config.loading import load_quantities
from config.quantities import Quantity
from rules.kinds import RULE_KINDS
from rules.loading.loading import PACKS, pack_names

HEADER = "| rule | watches | level | limit | holds for | source |\n|---|---|---|---|---|---|"


def rules_of(pack: str) -> list[dict]:
    """Return the rules of a pack as they are written."""
    return yaml.safe_load((PACKS / f"{pack}.yaml").read_text(encoding="utf-8"))["rules"]


def table_of(pack: str) -> str:
    """Return the table of a pack's rules, one row a level."""
    return "\n".join([HEADER, *(row for rule in rules_of(pack) for row in _rows(rule))])


def needs_of(pack: str) -> list[str]:
    """Return the quantities that rules of a pack watch or compare with, each once, in the order of the rules."""
    named = [name for rule in rules_of(pack) for name in (rule.get("quantity"), *_beside(rule)) if name]
    return list(dict.fromkeys(named))


def _beside(rule: Mapping) -> Iterator[str]:
    yield from rule.get("where", {}).get("beside", ())


def _rows(rule: Mapping) -> Iterator[str]:
    levels = rule.get("levels") or ([{**rule, "level": "notice"}] if "limit" in rule else [{"level": "notice"}])
    for i, level in enumerate(levels):
        name, watches = (f"`{rule['id']}` {rule['kind']}", _watches(rule)) if i == 0 else ("", "")
        cells = name, watches, level["level"], _limit(rule, level), _holds(level), level.get("source", "")
        yield f"| {' | '.join(' '.join(str(cell).split()) for cell in cells)} |"


def _watches(rule: Mapping) -> str:
    where = rule.get("where", {})
    words = [rule.get("quantity") or "every sensor"]
    if "domain" in where:
        words.append(f"of {where['domain']}")
    words += [f"at {' or '.join(where['asset_kinds'])}"] if "asset_kinds" in where else []
    words += ["on the watch-list"] if where.get("watch") else []
    words += [f"{'with' if where['design'] else 'without'} a design value"] if "design" in where else []
    words += [f"beside {', '.join(where['beside'])}"] if "beside" in where else []
    words += [f"without {', '.join(where['without'])}"] if "without" in where else []
    words += [f"from {rule['active']['from']} to {rule['active']['to']}"] if "active" in rule else []
    return " ".join(words)


def _limit(rule: Mapping, level: Mapping) -> str:
    if "because" in level:
        return level["because"]["en"]
    if rule["kind"] == "state":
        return rule["called"]["en"]
    if "limit" not in level:
        return ""
    options = RULE_KINDS[rule["kind"]].options.model_validate(_own(rule))
    quantity = _quantities().get(rule.get("quantity", ""))
    judged = options.judged_quantity(quantity)
    unit = judged.unit if judged else "%"
    side = "<=" if rule.get("side", getattr(options, "side", "low")) == "low" else ">="
    return f"{side} {level['limit']:g} {unit}".strip()


@cache
def _quantities() -> dict[str, Quantity]:
    return load_quantities()


def _own(rule: Mapping) -> dict:
    return {key: value for key, value in rule.items() if key not in _HEAD}


_HEAD = {"id", "kind", "quantity", "where", "active", "title", "advice"}


def _holds(level: Mapping) -> str:
    parts = [f"{level['on_delay_s']:g} s"] if level.get("on_delay_s") else []
    if level.get("on_samples", 1) > 1:
        of = f" of {level['of_samples']}" if level.get("of_samples") else " in a row"
        parts.append(f"{level['on_samples']}{of}")
    return ", ".join(parts)


if __name__ == "__main__":
    for name in pack_names():
        needs = ", ".join(f"`{each}`" for each in needs_of(name))
        sys.stdout.write(f"### {name}\n\nSensors: {needs}.\n\n{table_of(name)}\n\n")
