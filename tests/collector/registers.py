"""A small register for the tests of the intake, and messages that its devices send."""

import json

from collector.decoding.pipeline import Pipeline, RawMessage
from config.quantities import Quantity
from config.register import Asset, Register, Sensor
from config.settings import IntakeSettings, default_subscriptions

NOW_NS = 1_750_000_000_000_000_000
NOW_MS = NOW_NS // 1_000_000
TOPIC = "lifeline/v1/fire/T-1/FT-1/up"
VALUE_TOPIC = "lifeline/v1/fire/T-1/FT-1/{}/value"


def sensor(asset: str, device: str, channel: str, scale: float = 1.0) -> Sensor:
    """Return a pressure sensor called `device.channel`."""
    return Sensor(f"{device}.{channel}", asset, device, channel, "pressure", scale, 0.0, 2.0, 6.0, "")


def register() -> Register:
    """Return two towers and a bridge; FT-1 measures in kPa, BR-1 has a channel of enormous scale."""
    assets = {
        "T-1": Asset("T-1", "tower", "fire", "一号楼", "tower 1", "G", 0.0, 0.0),
        "T-2": Asset("T-2", "tower", "fire", "二号楼", "tower 2", "G", 0.0, 0.0),
        "B-1": Asset("B-1", "bridge", "bridge", "桥", "bridge", "G", 0.0, 0.0),
    }
    sensors = [
        sensor("T-1", "FT-1", "pressure_kpa", 0.001),
        sensor("T-1", "FT-1", "heartbeat"),
        sensor("T-2", "FT-2", "pressure_kpa", 0.001),
        sensor("T-2", "FT-2", "bat"),
        sensor("B-1", "BR-1", "strain", 1.0),
        sensor("B-1", "BR-1", "huge", 1e300),
    ]
    return Register({}, assets, sensors, {}, [])


def quantities() -> dict[str, Quantity]:
    """Return the one quantity of `register()`."""
    return {"pressure": Quantity("pressure", "压力", "pressure", "MPa", 0.0, 1000.0, 1.0, 3, {}, "assumed")}


def pipeline(**limits: float) -> Pipeline:
    """Return a pipeline over `register()`; pressures from 0 to 1,000 are in range."""
    return Pipeline(register(), quantities(), default_subscriptions(), IntakeSettings(**limits))


def message(values: object, topic: str = TOPIC, **fields: object) -> RawMessage:
    """Return a message in Lifeline JSON with `values` as m; its time is NOW unless `ts` says otherwise."""
    body = {"v": 1, "ts": NOW_MS, "m": values} | fields
    return RawMessage(topic, json.dumps({name: value for name, value in body.items() if value is not None}).encode())
