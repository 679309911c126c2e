"""The grid of each place, by the polygons of the grids.

Input: GeoJSON features with polygons; places.
Output: ids of grids; a place outside every polygon has none.
Not responsible for: opening files, and guessing the nearest grid.
Rejects: polygons that are no valid areas.
"""

from collections.abc import Iterable, Sequence

import numpy as np
import shapely

from config.errors import ConfigError, Problem
from config.geojson import Feature

_POLYGONS = ("Polygon", "MultiPolygon")


class Boundaries:
    """The polygons of all grids, in a tree that finds the few that can hold a place."""

    def __init__(self, features: Iterable[Feature], file: str) -> None:
        """Take the polygons of `features`; the id of a feature is that of its grid.

        Raises:
            ConfigError: a feature has no id or is no valid polygon; all of them at once.
        """
        problems: list[Problem] = []
        # In the order of the ids, so that a place on a border always belongs to the same grid.
        ordered = sorted(features, key=lambda feature: feature.id)
        shapes = [_shape(feature, file, problems) for feature in ordered]
        if problems:
            raise ConfigError(sorted(problems, key=lambda problem: problem.line))
        self.ids = [feature.id for feature in ordered]
        self._tree = shapely.STRtree(shapes)

    def grids_of(self, longitudes: Sequence[float], latitudes: Sequence[float]) -> list[str]:
        """Return the id of the grid of each place, degrees WGS84; empty where no polygon holds it.

        On a common border the grid with the first id counts.
        """
        found = [""] * len(longitudes)
        points = shapely.points(np.asarray(longitudes, np.float64), np.asarray(latitudes, np.float64))
        places, grids = self._tree.query(points, predicate="intersects")
        order = np.lexsort((grids, places))[::-1]
        for place, grid in zip(places[order].tolist(), grids[order].tolist(), strict=True):
            found[place] = self.ids[grid]
        return found


def _shape(feature: Feature, file: str, problems: list[Problem]) -> object:
    problem, shape = "", None
    if not feature.id:
        problem = "no id"
    elif feature.geometry_kind not in _POLYGONS:
        problem = feature.geometry_kind
    else:
        try:
            shape = _polygon(feature)
        except (TypeError, ValueError, IndexError, shapely.errors.GEOSException) as error:
            problem = f"{feature.id}: {error}"
        else:
            problem = "" if shapely.is_valid(shape) else f"{feature.id}: {shapely.is_valid_reason(shape)}"
    if problem:
        remedy = "give the grid its id and one closed ring that does not cross itself, longitude first"
        problems.append(Problem(file, feature.line, "geometry", "a valid polygon with an id", problem[:120], remedy))
    return shape


def _polygon(feature: Feature) -> object:
    coordinates = feature.coordinates
    parts = [coordinates] if feature.geometry_kind == "Polygon" else coordinates
    if not isinstance(parts, list) or not parts:
        raise ValueError("no coordinates")
    polygons = [shapely.Polygon(_ring(part[0]), [_ring(hole) for hole in part[1:]]) for part in parts]
    return polygons[0] if len(polygons) == 1 else shapely.MultiPolygon(polygons)


def _ring(corners: Sequence[Sequence[str]]) -> list[tuple[float, float]]:
    return [(float(corner[0]), float(corner[1])) for corner in corners]
