"""`DeviceMessage`: one MQTT message as it leaves the field, in the payload's own units.

Input: values by channel.
Output: topic and Lifeline JSON payload.
Not responsible for: the origin of the values.
Rejects: nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from config.time_units import MILLISECOND_NS


@dataclass(frozen=True, slots=True)
class DeviceMessage:
    """One message of one device."""

    domain: str
    asset: str
    device: str
    seq: int
    measured_ns: int
    """UTC nanoseconds; the payload carries whole milliseconds."""
    sent_ns: int
    """UTC nanoseconds at which it leaves, later than measured when a gateway held it back."""
    values: Mapping[str, float]
    """Channel to value in the payload's unit."""
    battery: float | None = None
    """Percent, None when the device has no battery."""

    @property
    def topic(self) -> str:
        """Topic `lifeline/v1/{domain}/{asset}/{device}/up`."""
        return f"lifeline/v1/{self.domain}/{self.asset}/{self.device}/up"

    @property
    def payload(self) -> bytes:
        """Lifeline JSON v1; the id names device and number, so that a repeated message is known as such."""
        body: dict[str, object] = {
            "v": 1,
            "id": f"{self.device}-{self.seq}",
            "ts": self.measured_ns // MILLISECOND_NS,
            "seq": self.seq,
            "m": self.values,
        }
        if self.battery is not None:
            body["bat"] = self.battery
        return msgspec.json.encode(body)
