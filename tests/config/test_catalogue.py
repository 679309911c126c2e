import math
import re
from pathlib import Path

import pytest

from config.catalogue import quantities_from
from config.document import parse_yaml
from config.errors import ConfigError
from config.loading import load_quantities
from config.quantities import Quantity

GOOD = "zh: 压, en: p, unit: MPa, low: 0, high: 1, max_rate: .inf, decimals: 2, source: assumed"


def test_quantities_of_the_packs_have_the_units_that_their_rules_speak_of() -> None:
    """The first eight quantities are stored in the units of the packs and of messages."""
    quantities = load_quantities()
    units = {
        "fire_water_pressure": "MPa",
        "water_main_pressure": "MPa",
        "methane": "%LEL",
        "strain": "um/m",
        "displacement": "mm",
        "temperature": "degC",
        "heartbeat": "count",
        "battery": "%",
    }

    assert units == {name: quantities[name].unit for name in units}


def test_quantities_packaged_catalogue_is_that_of_a_city() -> None:
    """More than 150 kinds of measurement, each with names of its own in both languages."""
    quantities = load_quantities().values()

    assert len(quantities) >= 150
    assert len(quantities) == len({quantity.zh for quantity in quantities})
    assert len(quantities) == len({quantity.en for quantity in quantities})
    assert all(re.search(r"[\u4e00-\u9fff]", quantity.zh) for quantity in quantities)
    assert all(quantity.en.isascii() for quantity in quantities)


@pytest.mark.parametrize("quantity", load_quantities().values(), ids=lambda quantity: quantity.name)
def test_quantities_ranges_are_sane(quantity: Quantity) -> None:
    """A range is wider than one digit, a rate crosses it in no less than a hundredth of a second, a source is named."""
    span = quantity.high - quantity.low

    assert span > 10.0**-quantity.decimals or quantity.unit == "0/1"
    assert quantity.max_rate == math.inf or quantity.max_rate <= 100 * span
    assert re.search(
        "assumed|unverified|range|scale|counter|circle|direction|share|state|number|loop|as |factors", quantity.source
    )


@pytest.mark.parametrize("quantity", load_quantities().values(), ids=lambda quantity: quantity.name)
def test_quantities_pressure_unit_is_taken_by_pressures_only(quantity: Quantity) -> None:
    """Methane in kPa is nonsense, and so is every quantity in a unit of another kind."""
    is_pressure = quantity.unit in ("MPa", "kPa", "hPa", "Pa")

    assert is_pressure == (quantity.conversion("kPa") is not None)
    assert quantity.conversion("furlong") is None


@pytest.mark.parametrize(
    ("unit", "value", "canonical"),
    [
        ("%LEL@4.4", 100.0, 88.0),
        ("%LEL@5.0", 20.0, 20.0),
        ("%LEL@5", 1.0, 1.0),
        ("%vol", 4.4, 88.0),
        ("ppm", 44e3, 88.0),
    ],
)
def test_conversion_lower_explosive_limit_of_the_device_counts(unit: str, value: float, canonical: float) -> None:
    """The same gas gives the same canonical value, whichever limit the device calls 100 percent."""
    scale, offset = load_quantities()["methane"].conversion(unit) or (math.nan, math.nan)

    assert math.isclose(canonical, value * scale + offset)


@pytest.mark.parametrize("unit", ["%LEL@1.7", "%LEL@44", "%LEL@0", "%LEL@", "%LEL@-5", "%LEL@4.4.4"])
def test_conversion_lower_explosive_limit_of_another_gas_is_refused(unit: str) -> None:
    """A limit that no methane has is a mistake."""
    assert load_quantities()["methane"].conversion(unit) is None


def test_quantities_of_the_district_are_added(tmp_path: Path) -> None:
    """A new quantity needs a file and nothing else, and may use the packaged families of units."""
    (tmp_path / "quantities.yaml").write_text(f"quantities:\n  shaft: {{{GOOD}, units: pressure}}\n", encoding="utf-8")
    quantities = load_quantities(tmp_path)

    assert (0.1, 0.0) == quantities["shaft"].conversion("bar")
    assert set(quantities) == {*load_quantities(), "shaft"}


def test_quantities_of_the_district_keep_the_unit_of_packaged_ones(tmp_path: Path) -> None:
    """Rules are written in the canonical unit: a district may narrow a range and never change a unit."""
    row = GOOD.replace("MPa", "kPa")
    (tmp_path / "quantities.yaml").write_text(f"quantities:\n  fire_water_pressure: {{{row}}}\n", encoding="utf-8")

    with pytest.raises(ConfigError, match="unit: expected MPa, the unit that rules and stored values have, got kPa"):
        load_quantities(tmp_path)


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
        (
            f"quantities:\n  p: {{{GOOD}, units: lenght}}",
            "f:2 quantities.p.units: expected a family of units: , got lenght; choose one of them",
        ),
        (
            f"units: {{mass: {{kg: 1}}}}\nquantities:\n  p: {{{GOOD}, units: mass}}",
            "f:3 quantities.p.unit: expected a unit of mass: kg, got MPa; choose one of them or another family",
        ),
        (
            f"quantities:\n  p: {{{GOOD}, lel_vol: 5}}",
            "f:2 quantities.p: expected the canonical unit %LEL beside lel_vol, got a mapping; correct the unit",
        ),
    ],
)
def test_quantities_wrong_entry_says_where_and_what_to_do(text: str, message: str) -> None:
    """Each fault of the catalogue names line, place, expected, got and remedy."""
    with pytest.raises(ConfigError) as caught:
        quantities_from(parse_yaml(text, "f"))

    assert str(caught.value).startswith(message)
