"""A register of any size for the benchmarks: an asset and a device a hundred sensors, one threshold rule.

Comes in: a number of sensors. Goes out: the register, its rule set, and the same as a district folder on disk.
"""

import csv
from pathlib import Path

from config.loading import load_quantities
from config.register import Asset, Register, Sensor
from rules.kinds.threshold import ThresholdOptions
from rules.rule import Rule, RuleSet

SENSORS_PER_DEVICE = 100
_RULES = """
rules:
  - id: bench.low
    kind: threshold
    quantity: water_main_pressure
    title: {zh: 供水压力低, en: Water pressure is low}
    advice: {zh: 请核查, en: Check it}
    side: low
    levels:
      - {level: blue, limit: 0.16, deadband: 0.01, on_delay_s: 60, off_delay_s: 60, source: assumed for the benchmark}
      - {level: yellow, limit: 0.14, deadband: 0.01, on_delay_s: 30, off_delay_s: 60, source: assumed for the benchmark}
      - {level: orange, limit: 0.10, deadband: 0.01, on_delay_s: 10, off_delay_s: 60, source: assumed for the benchmark}
      - {level: red, limit: 0.05, deadband: 0.01, on_delay_s: 0, off_delay_s: 0, source: assumed for the benchmark}
"""
"""Four levels with delays: the checks of a real pack on every reading."""

_ROUTES = """
routes:
  - {name: all, dimension: hazard, levels: [orange, red], roles: [responsible, manager, maintenance], channels: [sms]}
  - {name: hook, dimension: hazard, levels: [blue, yellow, orange, red], targets: [hook]}
"""


def make_register(n_sensors: int) -> Register:
    """Return a register of `n_sensors` pressure points, `SENSORS_PER_DEVICE` channels a device."""
    sensors = [_sensor(i) for i in range(n_sensors)]
    assets = {
        sensor.asset: Asset(sensor.asset, "water_main", "water", sensor.asset, sensor.asset, "G1", 29.5, 106.5)
        for sensor in sensors
    }
    return Register({}, assets, sensors, {}, ())


def _sensor(i: int) -> Sensor:
    device, channel = f"D{i // SENSORS_PER_DEVICE:05}", f"c{i % SENSORS_PER_DEVICE:02}"
    return Sensor(
        f"{device}.{channel}",
        f"A{i // SENSORS_PER_DEVICE:05}",
        device,
        channel,
        "water_main_pressure",
        1.0,
        0.0,
        60.0,
        180.0,
        "",
    )


def make_ruleset(register: Register) -> RuleSet:
    """Return one rule of four levels with delays, bound to every sensor."""
    level = [("blue", 0.16, 60), ("yellow", 0.14, 30), ("orange", 0.10, 10), ("red", 0.05, 0)]
    options = ThresholdOptions.model_validate(
        {
            "side": "low",
            "levels": [
                {
                    "level": name,
                    "limit": limit,
                    "deadband": 0.01,
                    "on_delay_s": delay_s,
                    "off_delay_s": delay_s,
                    "source": "assumed for the benchmark",
                }
                for name, limit, delay_s in level
            ],
        }
    )
    quantity = load_quantities()["water_main_pressure"]
    sensors = tuple(range(len(register.sensors)))
    rule = Rule("bench.low", "threshold", "低压", "low", "", "", quantity, sensors, options.limits(), options)
    return RuleSet((rule,), "benchmark")


def write_district(folder: Path, n_sensors: int) -> None:
    """Write the same town as a district folder, with all recipients on the webhook channel `hook`."""
    folder.mkdir(parents=True, exist_ok=True)
    register = make_register(n_sensors)
    _write(
        folder / "regions.csv",
        ["id", "kind", "parent", "name_zh", "name_en"],
        [
            ["C", "city", "", "城", "City"],
            ["D", "district", "C", "区", "District"],
            ["S", "street", "D", "街", "Street"],
            ["M", "community", "S", "社", "Community"],
            ["G1", "grid", "M", "格", "Grid"],
        ],
    )
    assets = register.assets.values()
    _write(
        folder / "assets.csv",
        ["id", "kind", "domain", "name_zh", "name_en", "region", "latitude", "longitude"],
        [[a.id, a.kind, a.domain, a.name_zh, a.name_en, a.region, a.latitude, a.longitude] for a in assets],
    )
    _write(
        folder / "sensors.csv",
        ["id", "asset", "device", "channel", "quantity", "unit", "cadence_s", "stale_after_s", "heartbeat"],
        [[s.id, s.asset, s.device, s.channel, s.quantity, "MPa", s.cadence_s, "", ""] for s in register.sensors],
    )
    roles = ["responsible", "manager", "maintenance"]
    _write(
        folder / "contacts.csv",
        ["id", "name_zh", "name_en", "phone", "language"],
        [[role, role, role, f"+861380000000{i}", "zh"] for i, role in enumerate(roles)],
    )
    duties = [[asset.id, role, role] for asset in assets for role in roles]
    _write(folder / "duties.csv", ["asset", "role", "contact"], duties)
    (folder / "rules.yaml").write_text(_RULES, encoding="utf-8")
    (folder / "routes.yaml").write_text(_ROUTES, encoding="utf-8")


def _write(path: Path, header: list[str], rows: list[list[object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])
