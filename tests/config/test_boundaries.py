import pytest

from config.boundaries import Boundaries
from config.errors import ConfigError
from config.geojson import Feature


def _square(grid: str, west: int, south: int, size: int = 1) -> Feature:
    """Return the grid of `size` degrees whose corner in the south-west is given."""
    corners = [(west, south), (west + size, south), (west + size, south + size), (west, south + size), (west, south)]
    return Feature(1, grid, "Polygon", [[[str(x), str(y)] for x, y in corners]], {})


def test_grids_of_places_are_those_whose_polygon_holds_them() -> None:
    """A place inside belongs to its grid, a place outside to none."""
    boundaries = Boundaries([_square("G1", 106, 29), _square("G2", 107, 29)], "f")

    assert ["G1", "G2", ""] == boundaries.grids_of([106.5, 107.5, 110.0], [29.5, 29.5, 29.5])


def test_grids_of_place_on_a_border_is_the_first_id_whatever_the_order() -> None:
    """Two grids share a border; the same one gets it every time."""
    squares = [_square("G2", 107, 29), _square("G1", 106, 29)]

    assert ["G1"] == Boundaries(squares, "f").grids_of([107.0], [29.5])
    assert ["G1"] == Boundaries(squares[::-1], "f").grids_of([107.0], [29.5])


def test_grids_of_place_in_a_hole_is_none() -> None:
    """An enclave belongs to the grid inside it only."""
    outer = _square("G1", 106, 29, 3)
    hole = _square("G2", 107, 30).coordinates[0]
    ring = Feature(1, "G1", "MultiPolygon", [[outer.coordinates[0], hole]], {})

    assert ["", "G1"] == Boundaries([ring], "f").grids_of([107.5, 106.5], [30.5, 29.5])


@pytest.mark.parametrize(
    ("feature", "got"),
    [
        (Feature(3, "", "Polygon", [], {}), "no id"),
        (Feature(3, "G1", "Point", ["1", "2"], {}), "Point"),
        (Feature(3, "G1", "MultiPolygon", [], {}), "G1: no coordinates"),
        (Feature(3, "G1", "Polygon", "x", {}), "G1: "),
        (Feature(3, "G1", "Polygon", [[["0", "0"], ["1", "1"], ["0", "1"], ["1", "0"], ["0", "0"]]], {}), "G1: Self-"),
    ],
)
def test_boundaries_wrong_polygon_is_refused_with_its_line(feature: Feature, got: str) -> None:
    """A polygon without id, without shape or across itself is named."""
    with pytest.raises(ConfigError, match=f"f:3 geometry: expected a valid polygon with an id, got {got}"):
        Boundaries([feature], "f")
