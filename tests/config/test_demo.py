from collections import Counter
from pathlib import Path

import pytest

from config.document import Document
from config.files import read_yaml
from config.loading import load_quantities, load_register
from config.register import RegionKind, Register, Role
from config.settings import packaged_district


@pytest.fixture(scope="module")
def register() -> Register:
    """The demo district."""
    return load_register(packaged_district(), load_quantities())


def test_demo_has_every_kind_of_lifeline(register: Register) -> None:
    """Eight towers, six points on water mains, six gas manholes and a bridge, with their domains."""
    assert {
        ("residential_tower", "fire"): 8,
        ("water_main", "water"): 6,
        ("gas_manhole", "gas"): 6,
        ("bridge", "bridge"): 1,
    } == Counter((asset.kind, asset.domain) for asset in register.assets.values())


def test_demo_regions_are_a_whole_tree(register: Register) -> None:
    """One city, at least two districts, three streets, and communities and grids below."""
    kinds = Counter(region.kind for region in register.regions.values())

    assert 1 == kinds[RegionKind.CITY]
    assert kinds[RegionKind.DISTRICT] >= 2
    assert kinds[RegionKind.STREET] >= 3
    assert set(RegionKind) == set(kinds)


def test_demo_every_asset_has_reachable_contacts_in_the_three_roles(register: Register) -> None:
    """Responsible person, manager and maintenance unit of every asset have a phone, and differ."""
    for asset in register.assets:
        phones = [
            contact.phone
            for role in (Role.RESPONSIBLE, Role.MANAGER, Role.MAINTENANCE)
            for contact in register.contacts_for(asset, role)
        ]
        assert all(phones)
        assert 3 == len(set(phones)), asset


def test_demo_story_is_told_in_chinese_at_its_tower(register: Register) -> None:
    """The terminal of the story stands at its tower, and its three contacts read Chinese."""
    sensor = register.sensors[register.channel_index["FT-0001", "pressure_kpa"]]
    contacts = [register.contacts_for("T-0001", role)[0] for role in (Role.RESPONSIBLE, Role.MANAGER, Role.MAINTENANCE)]

    assert ("T-0001", "FT-0001.heartbeat", 0.001) == (sensor.asset, sensor.heartbeat, sensor.scale)
    assert "翡翠苑1号楼" == register.assets["T-0001"].name_zh
    assert ["zh"] * 3 == [contact.language for contact in contacts]


def test_demo_every_device_has_a_heartbeat(register: Register) -> None:
    """Each sensor that is not a heartbeat names its device's, so that zero and silence can be told apart."""
    lonely = [sensor.id for sensor in register.sensors if not sensor.heartbeat and sensor.quantity != "heartbeat"]

    assert [] == lonely


def test_demo_sensor_ids_are_device_and_channel(register: Register) -> None:
    """Ids can be guessed from a payload."""
    assert [f"{sensor.device}.{sensor.channel}" for sensor in register.sensors] == list(register.sensor_ids)


def test_demo_phones_are_invented(register: Register) -> None:
    """Every phone is of the block +86138000000NN, which belongs to nobody."""
    strange = [contact.phone for contact in register.contacts.values() if not contact.phone.startswith("+86138000000")]

    assert [] == strange


def test_demo_rules_name_the_four_packs() -> None:
    """The demo runs on the packs that ship with the program."""
    document: Document = read_yaml(Path(packaged_district()) / "rules.yaml")

    assert {"packs": ["fire_water", "water_supply", "gas", "bridge"], "rules": []} == document.value
