"""The sensors of the same quantity next door, as columns, against the plain way to find them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.neighbours import neighbour_sensors
from config.register import Asset, Neighbour, Register, Sensor


def _register(sensors: list[tuple[int, str]], edges: dict[tuple[int, int], float], n_assets: int) -> Register:
    """Return a register of assets A0, A1, .. with sensors given by asset and quantity."""
    names = [f"A{i}" for i in range(n_assets)]
    assets = {name: Asset(name, "water_main", "water", name, name, "G", 29.5, 106.5) for name in names}
    found: dict[str, list[Neighbour]] = {}
    for (one, other), distance_m in edges.items():
        found.setdefault(names[one], []).append(Neighbour(names[other], distance_m))
        found.setdefault(names[other], []).append(Neighbour(names[one], distance_m))
    rows = [
        Sensor(f"S{i}", names[asset], f"D{i}", "c", quantity, 1.0, 0.0, 60.0, 180.0, "")
        for i, (asset, quantity) in enumerate(sensors)
    ]
    return Register({}, assets, rows, {}, (), neighbours=found)


def _plainly(register: Register, number: int) -> list[int]:
    """Return the neighbours of one sensor, found one by one."""
    own = register.sensors[number]
    distances = {each.asset: each.distance_m for each in register.neighbours.get(own.asset, ())}
    alike = [
        (distances[each.asset], i)
        for i, each in enumerate(register.sensors)
        if each.asset in distances and each.quantity == own.quantity
    ]
    return [i for _, i in sorted(alike)]


@st.composite
def registers(draw: st.DrawFn) -> Register:
    """Return a register of a few assets with any neighbours and sensors."""
    n_assets = draw(st.integers(1, 6))
    pairs = [(one, other) for other in range(n_assets) for one in range(other)]
    chosen = draw(st.lists(st.sampled_from(pairs), unique=True)) if pairs else []
    edges = {pair: draw(st.sampled_from([10.0, 20.0, 30.0])) for pair in chosen}
    sensor = st.tuples(st.integers(0, n_assets - 1), st.sampled_from(["pressure", "flow", "level"]))
    return _register(draw(st.lists(sensor, max_size=12)), edges, n_assets)


@given(registers())
def test_neighbours_of_every_sensor_are_those_found_one_by_one(register: Register) -> None:
    """The columns say the same as a search, nearest first."""
    found = neighbour_sensors(register)

    assert [_plainly(register, i) for i in range(len(register.sensors))] == [
        found.of(i).tolist() for i in range(len(register.sensors))
    ]


@given(registers())
def test_neighbours_of_one_quantity_are_those_of_all_without_the_others(register: Register) -> None:
    """A rule about pressure need not carry the pairs of all else."""
    everything, some = neighbour_sensors(register), neighbour_sensors(register, {"pressure"})
    expected = [
        everything.of(i).tolist() if each.quantity == "pressure" else [] for i, each in enumerate(register.sensors)
    ]

    assert expected == [some.of(i).tolist() for i in range(len(register.sensors))]


def test_neighbours_distances_belong_to_their_pairs() -> None:
    """The way to the nearest comes first."""
    register = _register([(0, "p"), (1, "p"), (2, "p")], {(0, 1): 300.0, (0, 2): 100.0}, 3)
    found = neighbour_sensors(register)

    assert [2, 1] == found.of(0).tolist()
    assert [100.0, 300.0, 300.0, 100.0] == found.distance_m.tolist()


def test_pairs_of_some_sensors_weigh_all_their_neighbours_at_once() -> None:
    """The mean of what lies around each of n sensors is one bincount."""
    register = _register([(0, "p"), (1, "p"), (2, "p")], {(0, 1): 300.0, (0, 2): 100.0}, 3)
    found, value = neighbour_sensors(register), np.array([1.0, 2.0, 4.0])
    place, pair = found.pairs(np.array([2, 0], np.intp))
    total = np.bincount(place, weights=value[found.sensor[pair]], minlength=2)

    assert pytest.approx([1.0, 6.0]) == total.tolist()


def test_neighbours_of_a_city_are_columns_of_the_right_length() -> None:
    """A chain of 40,000 assets with three quantities each is 120,000 sensors with two neighbours, but at its ends."""
    n = 40_000
    register = _register(
        [(i // 3, ("p", "q", "r")[i % 3]) for i in range(3 * n)], {(i, i + 1): 50.0 for i in range(n - 1)}, n
    )
    found = neighbour_sensors(register)

    assert (3 * n + 1, 6 * (n - 1)) == (len(found.start), len(found.sensor))
    assert [3 * 1000 - 3, 3 * 1000 + 3] == found.of(3000).tolist()
