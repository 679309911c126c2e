"""The asset register: regions, assets, sensors, contacts and duties as frozen values with dense sensor numbers.

Input: rows checked by `config.loading`.
Output: `Register`, for every stage.
Not responsible for: reading files.
Rejects: nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from config.city_time import CityTime
from config.climatology import UsualRange


class RegionKind(StrEnum):
    """The five administrative levels, from the whole city down to a grid worker's patch."""

    CITY = "city"
    DISTRICT = "district"
    STREET = "street"
    COMMUNITY = "community"
    GRID = "grid"


class Role(StrEnum):
    """Role of a contact at an asset (消防安全责任人, 管理人, 维保单位, 网格员, 值班)."""

    RESPONSIBLE = "responsible"
    MANAGER = "manager"
    MAINTENANCE = "maintenance"
    GRID_WORKER = "grid_worker"
    DUTY = "duty"


@dataclass(frozen=True, slots=True)
class Region:
    """One node of the tree city > district > street > community > grid."""

    id: str
    kind: RegionKind
    parent: str
    """Id of the parent region, empty for the city."""
    name_zh: str
    name_en: str


@dataclass(frozen=True, slots=True)
class Asset:
    """A building, pipe section, manhole or bridge that can be in danger."""

    id: str
    kind: str
    """residential_tower, water_main, gas_manhole, bridge, ..."""
    domain: str
    """gas, water, drain, bridge, tunnel, fire, septic or geo: the second word of the MQTT topic after the version."""
    name_zh: str
    name_en: str
    region: str
    """Id of the grid that it stands in."""
    latitude: float
    """Degrees, WGS84."""
    longitude: float
    code: str = ""
    """Code with a check character (`config.codes`), as on the sticker at the door; empty when it has none."""
    hazard_class: str = ""
    """Id of the class of a listed hazard point; empty when it is none."""
    risk_level: str = ""
    """Key of the level that the list of hazard points gives it; empty when it is none."""


@dataclass(frozen=True, slots=True)
class HazardClass:
    """One class of listed hazard points."""

    id: str
    name_zh: str
    name_en: str


@dataclass(frozen=True, slots=True)
class Neighbour:
    """The next asset along a pipe or a span."""

    asset: str
    distance_m: float


@dataclass(frozen=True, slots=True)
class Sensor:
    """One channel of one quantity of one device at one asset."""

    id: str
    asset: str
    device: str
    channel: str
    """Key of this sensor in the device's payload."""
    quantity: str
    """Name in the catalogue of quantities."""
    scale: float
    """canonical value = payload value * scale + offset."""
    offset: float
    cadence_s: float
    """Expected time between readings, seconds."""
    stale_after_s: float
    """Without a usable reading for this long the sensor is blind, seconds."""
    heartbeat: str
    """Id of the sensor of the same device that counts up while the device lives; empty when there is none."""
    reorder_s: float = 0.0
    """Its readings wait this long for older ones that are still on their way, seconds; 0: judged on arrival."""
    design: float | None = None
    """The value that the asset is designed for, canonical unit; None when it is not known."""


@dataclass(frozen=True, slots=True)
class Contact:
    """A person or unit that can get messages."""

    id: str
    name_zh: str
    name_en: str
    phone: str
    """E.164, e.g. +8613800000001; empty when there is none."""
    language: str
    """zh or en."""


@dataclass(frozen=True, slots=True)
class Duty:
    """A contact answers in a role for an asset."""

    asset: str
    role: Role
    contact: str


@dataclass(frozen=True, slots=True)
class Register:
    """The whole register. A sensor's dense number is its place in `sensors`."""

    regions: Mapping[str, Region]
    assets: Mapping[str, Asset]
    sensors: Sequence[Sensor]
    contacts: Mapping[str, Contact]
    duties: Sequence[Duty]
    hazard_classes: Mapping[str, HazardClass] = field(default_factory=dict)
    neighbours: Mapping[str, Sequence[Neighbour]] = field(default_factory=dict)
    """Asset id to its neighbours, nearest first; each pair stands at both ends."""
    usual_ranges: Sequence[UsualRange] = ()
    """Usual ranges by month and hour, where the district has them."""
    city: CityTime = field(default_factory=CityTime)
    """Time zone of the city, from the settings."""
    sensor_index: Mapping[str, int] = field(init=False)
    """Sensor id to dense number."""
    channel_index: Mapping[tuple[str, str], int] = field(init=False)
    """(device id, channel) to dense number: how a payload finds its sensor."""
    duty_index: Mapping[tuple[str, Role], Sequence[str]] = field(init=False)
    """(asset id, role) to contact ids in the order of the file: a city has 120,000 duties."""

    def __post_init__(self) -> None:
        """Derive the indexes once."""
        object.__setattr__(self, "sensor_index", {sensor.id: i for i, sensor in enumerate(self.sensors)})
        channels = {(sensor.device, sensor.channel): i for i, sensor in enumerate(self.sensors)}
        object.__setattr__(self, "channel_index", channels)
        contacts: dict[tuple[str, Role], list[str]] = {}
        for duty in self.duties:
            contacts.setdefault((duty.asset, duty.role), []).append(duty.contact)
        object.__setattr__(self, "duty_index", contacts)

    @property
    def sensor_ids(self) -> tuple[str, ...]:
        """Sensor ids in dense order."""
        return tuple(sensor.id for sensor in self.sensors)

    def contacts_for(self, asset: str, role: Role) -> tuple[Contact, ...]:
        """Contacts that hold `role` at `asset`, in the order of the file; empty when there is none."""
        return tuple(self.contacts[contact] for contact in self.duty_index.get((asset, role), ()))
