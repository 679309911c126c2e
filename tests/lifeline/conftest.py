"""A register of two towers, small enough to hold in the head."""

import pytest

from config.register import Asset, Contact, Duty, Region, RegionKind, Register, Role, Sensor


def _sensor(asset: str, device: str, channel: str, quantity: str) -> Sensor:
    heartbeat = "" if channel == "heartbeat" else f"{device}.heartbeat"
    return Sensor(f"{device}.{channel}", asset, device, channel, quantity, 1.0, 0.0, 2.0, 6.0, heartbeat)


@pytest.fixture
def register() -> Register:
    """Two towers with pressure and heartbeat each; one contact in each role at the first."""
    regions = {"C": Region("C", RegionKind.CITY, "", "重庆", "Chongqing")}
    assets = {
        key: Asset(key, "residential_tower", "fire", f"{key}号楼", f"Tower {key}", "C", 29.5, 106.5)
        for key in ("T-1", "T-2")
    }
    sensors = [
        _sensor(asset, device, channel, quantity)
        for asset, device in (("T-1", "FT-1"), ("T-2", "FT-2"))
        for channel, quantity in (("pressure", "fire_water_pressure"), ("heartbeat", "heartbeat"))
    ]
    people = [("c1", Role.RESPONSIBLE), ("c2", Role.MANAGER), ("c3", Role.MAINTENANCE)]
    contacts = {key: Contact(key, f"王{key}", f"Wang {key}", f"+86138000000{key[1]}1", "zh") for key, _ in people}
    return Register(regions, assets, sensors, contacts, [Duty("T-1", role, key) for key, role in people])
