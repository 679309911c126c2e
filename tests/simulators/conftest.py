"""A small register with every lifeline, built in code: these tests read no file."""

import pytest

from config.register import Asset, Register, Sensor


def _sensor(device, channel, asset, quantity, scale=1.0, cadence_s=2.0):
    return Sensor(
        id=f"{device}.{channel}",
        asset=asset,
        device=device,
        channel=channel,
        quantity=quantity,
        scale=scale,
        offset=0.0,
        cadence_s=cadence_s,
        stale_after_s=3 * cadence_s,
        heartbeat="" if channel == "heartbeat" else f"{device}.heartbeat",
    )


def _fire_terminal(number):
    device, asset = f"FT-{number:04d}", f"T-{number:04d}"
    return [
        _sensor(device, "pressure_kpa", asset, "fire_water_pressure", scale=0.001),
        _sensor(device, "heartbeat", asset, "heartbeat"),
        _sensor(device, "bat", asset, "battery"),
    ]


def _sensors():
    yield from _fire_terminal(1)
    yield from _fire_terminal(2)
    yield from _fire_terminal(3)
    for number in (1, 2):
        yield _sensor(f"WP-{number:04d}", "pressure_kpa", f"W-{number:04d}", "water_main_pressure", scale=0.001)
        yield _sensor(f"WP-{number:04d}", "heartbeat", f"W-{number:04d}", "heartbeat")
    yield _sensor("GM-0001", "methane_lel", "G-0001", "methane")
    yield _sensor("GM-0001", "temperature", "G-0001", "temperature")
    yield _sensor("GM-0001", "heartbeat", "G-0001", "heartbeat")
    yield _sensor("BR-0001-S", "strain_1", "B-0001", "strain")
    yield _sensor("BR-0001-S", "temperature", "B-0001", "temperature")
    yield _sensor("BR-0001-S", "heartbeat", "B-0001", "heartbeat")
    yield _sensor("BR-0001-D", "displacement_1", "B-0001", "displacement")
    yield _sensor("BR-0001-D", "heartbeat", "B-0001", "heartbeat")


@pytest.fixture(scope="session")
def register():
    """Return eight devices at eight assets of four domains."""
    kinds = {"T": "fire", "W": "water", "G": "gas", "B": "bridge"}
    sensors = tuple(_sensors())
    names = dict.fromkeys(sensor.asset for sensor in sensors)
    assets = {name: Asset(name, "any", kinds[name[0]], name, name, "grid-1", 29.5, 106.5) for name in names}
    return Register(regions={}, assets=assets, sensors=sensors, contacts={}, duties=())
