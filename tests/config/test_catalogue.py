import math

import pytest

from config.catalogue import quantities_from
from config.document import parse_yaml
from config.errors import ConfigError
from config.loading import load_quantities

GOOD = "zh: 压, en: p, unit: MPa, low: 0, high: 1, max_rate: .inf, decimals: 2, source: assumed"


def test_quantities_packaged_catalogue_has_the_canonical_units() -> None:
    """The eight quantities are stored in the units that rules and messages speak of."""
    assert {
        "fire_water_pressure": "MPa",
        "water_main_pressure": "MPa",
        "methane": "%LEL",
        "strain": "um/m",
        "displacement": "mm",
        "temperature": "degC",
        "heartbeat": "count",
        "battery": "%",
    } == {quantity.name: quantity.unit for quantity in load_quantities().values()}


@pytest.mark.parametrize(
    ("quantity", "unit", "value", "canonical"),
    [
        ("fire_water_pressure", "kPa", 350.0, 0.35),
        ("fire_water_pressure", "bar", 24.1, 2.41),
        ("water_main_pressure", "psi", 20.0, 0.1379),
        ("water_main_pressure", "mH2O", 28.0, 0.2746),
        ("methane", "%vol", 5.0, 100.0),
        ("methane", "ppm", 500.0, 1.0),
        ("temperature", "K", 273.15, 0.0),
        ("temperature", "degF", 212.0, 100.0),
        ("displacement", "m", 0.5, 500.0),
        ("strain", "m/m", 2e-6, 2.0),
        ("battery", "1", 0.87, 87.0),
    ],
)
def test_quantities_other_unit_converts(quantity: str, unit: str, value: float, canonical: float) -> None:
    """A payload in another unit becomes the canonical value."""
    scale, offset = load_quantities()[quantity].accepts[unit]

    assert math.isclose(canonical, value * scale + offset, rel_tol=1e-3, abs_tol=1e-9)


def test_quantities_zero_pressure_and_gas_above_the_explosive_limit_are_readings() -> None:
    """The two most dangerous readings are inside the range, so that no rule loses them."""
    quantities = load_quantities()

    assert quantities["fire_water_pressure"].low < 0.0 < quantities["fire_water_pressure"].high
    assert quantities["methane"].high > 100.0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "",
            "f:1 (document): expected a mapping, got nothing; correct the document",
        ),
        ("quantities: {}", "f:1 quantities: expected at least 1 in it, got a mapping; correct"),
        (f"quantities:\n  Druck: {{{GOOD}}}", "f:2 quantities.Druck: expected a lower-case word with digits and under"),
        (
            f"quantities:\n  p: {{{GOOD}, hihg: 3}}",
            "f:2 quantities.p.hihg: expected one of accepts, decimals, en, high",
        ),
        ("quantities:\n  p: {zh: 压}", "f:2 quantities.p.en: expected a value, got nothing; add the key en"),
        (
            f"quantities:\n  p: {{{GOOD.replace('low: 0', 'low: 2')}}}",
            "f:2 quantities.p: expected low (2.0) below high (1.0), got a mapping; swap or correct them",
        ),
        (
            f"quantities:\n  p: {{{GOOD.replace('.inf', '.nan')}}}",
            "f:2 quantities.p.max_rate: expected greater than 0, got nan; correct max_rate",
        ),
        (
            f"quantities:\n  p:\n    {{{GOOD}, accepts: {{kPa: {{scale: 0}}}}}}",
            "f:3 quantities.p.accepts.kPa: expected a scale other than 0, got a mapping; canonical = ",
        ),
        (
            f"quantities:\n  p: {{{GOOD}, accepts: {{MPa: {{scale: 2}}}}}}",
            "f:2 quantities.p: expected scale 1 and offset 0 for the canonical unit MPa, got a mapping; remove it",
        ),
    ],
)
def test_quantities_wrong_entry_says_where_and_what_to_do(text: str, message: str) -> None:
    """Each fault of the catalogue names line, place, expected, got and remedy."""
    with pytest.raises(ConfigError) as caught:
        quantities_from(parse_yaml(text, "f"))

    assert str(caught.value).startswith(message)
