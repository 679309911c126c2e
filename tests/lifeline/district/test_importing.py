import json
import shutil

import pytest
from rich.progress import Progress

from config.errors import ConfigError
from config.loading import load_quantities, load_register
from config.register_rows import TABLES
from config.settings import packaged_district
from lifeline.district.importing import export_assets, export_table, import_into

ASSETS = "id,kind,domain,name_zh,name_en,region,latitude,longitude,code,hazard_class,risk_level\n"


@pytest.fixture
def progress():
    """A progress bar that shows nothing."""
    return Progress(disable=True)


@pytest.fixture
def district(tmp_path):
    """A copy of the demo district."""
    return shutil.copytree(packaged_district(), tmp_path / "district")


def _square(grid, west, south, size):
    corners = [[west, south], [west + size, south], [west + size, south + size], [west, south + size], [west, south]]
    return {"type": "Feature", "id": grid, "geometry": {"type": "Polygon", "coordinates": [corners]}, "properties": {}}


def test_import_folder_into_nothing_makes_the_same_district(tmp_path, progress):
    """The import of a whole district gives the same register."""
    import_into(tmp_path / "new", [packaged_district()], progress, dry_run=False)
    quantities = load_quantities()

    assert load_register(packaged_district(), quantities) == load_register(tmp_path / "new", quantities)


def test_import_dry_run_writes_nothing(tmp_path, progress):
    """A dry run reports the result and leaves no file."""
    imported = import_into(tmp_path / "new", [packaged_district()], progress, dry_run=True)

    assert 21 == imported.merges["assets"].added
    assert not (tmp_path / "new").exists()


def test_import_hazard_points_get_the_grid_that_they_lie_in(tmp_path, district, progress):
    """Points without a region, polygons beside them: each point finds its grid, and polygons are kept for next time."""
    collection = {"type": "FeatureCollection", "features": [_square("G1", 108, 29, 1), _square("G2", 109, 29, 1)]}
    (tmp_path / "grids.geojson").write_text(json.dumps(collection), encoding="utf-8")
    points = "H-1,slope,geo,危岩,Rock,,29.5,108.5,,rockfall,orange\n"
    (tmp_path / "assets.csv").write_text(ASSETS + points, encoding="utf-8")
    import_into(district, [tmp_path / "grids.geojson", tmp_path / "assets.csv"], progress, dry_run=False)
    (tmp_path / "assets.csv").write_text(ASSETS + points.replace("H-1", "H-2").replace("108.5", "109.5"), "utf-8")
    import_into(district, [tmp_path / "assets.csv"], progress, dry_run=False)
    assets = load_register(district, load_quantities()).assets

    assert ("G1", "rockfall", "orange") == (assets["H-1"].region, assets["H-1"].hazard_class, assets["H-1"].risk_level)
    assert "G2" == assets["H-2"].region


def test_import_point_outside_every_polygon_is_one_problem(tmp_path, district, progress):
    """Where no grid holds a place, that is said once, with the place, and not again as an empty cell."""
    collection = {"type": "FeatureCollection", "features": [_square("G1", 108, 29, 1)]}
    (tmp_path / "grids.geojson").write_text(json.dumps(collection), encoding="utf-8")
    point = "H-1,slope,geo,危岩,Rock,,29.5,10.5,,rockfall,orange\n"
    (tmp_path / "assets.csv").write_text(ASSETS + point, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        import_into(district, [tmp_path / "grids.geojson", tmp_path / "assets.csv"], progress, dry_run=False)

    assert ["29.5 N 10.5 E in none"] == [problem.got for problem in caught.value.problems]


def test_import_every_error_comes_at_once_and_nothing_is_written(tmp_path, district, progress):
    """Three mistakes in two files are three problems with file, line and remedy; the district stays as it was."""
    rows = "H-1,slope,geo,危岩,Rock,G1,29.5,108.5,X-1,rockfal,\nH-2,slope,geo,危岩,Rock,,29.5,10.5,,,\n"
    (tmp_path / "assets.csv").write_text(ASSETS + rows, encoding="utf-8")
    (tmp_path / "duties.csv").write_text("asset,role,contact\nH-1,boss,nobody\n", encoding="utf-8")
    before = {name: (district / f"{name}.csv").read_bytes() for name in TABLES}
    with pytest.raises(ConfigError) as caught:
        import_into(district, [tmp_path / "assets.csv", tmp_path / "duties.csv"], progress, dry_run=False)
    problems = [str(problem) for problem in caught.value.problems]

    assert all(problem.startswith(str(tmp_path)) for problem in problems)
    for part in (
        "assets.csv:2 code: expected a code with its check character last",
        "assets.csv:2 hazard_class: expected an id of hazard_classes.csv, got 'rockfal'; did you mean rockfall?",
        "assets.csv:3 region: expected an id of regions.csv, got nothing",
        "duties.csv:2 role: expected one of responsible, ",
        "duties.csv:2 contact: expected an id of contacts.csv",
    ):
        assert any(part in problem for problem in problems), part
    assert before == {name: (district / f"{name}.csv").read_bytes() for name in TABLES}


@pytest.mark.parametrize("suffix", ["csv", "geojson"])
def test_export_read_again_changes_nothing(tmp_path, district, progress, suffix):
    """Assets go out and in again unchanged, as CSV and as GeoJSON."""
    target = tmp_path / f"assets.{suffix}"
    n_rows = export_table(district, "assets", target) if suffix == "csv" else export_assets(district, target)
    imported = import_into(district, [target], progress, dry_run=False)

    assert (0, 0, n_rows) == (
        imported.merges["assets"].added,
        imported.merges["assets"].changed,
        imported.merges["assets"].unchanged,
    )


@pytest.mark.parametrize("name", ["towers.csv", "assets.xlsx", "empty"])
def test_import_file_that_is_none_of_a_district_is_refused(tmp_path, progress, name):
    """A file is known by its name; another name says which there are."""
    path = tmp_path / name
    if path.suffix:
        path.write_text("x", encoding="utf-8")
    else:
        path.mkdir()

    with pytest.raises(ConfigError, match="expected"):
        import_into(tmp_path / "new", [path], progress, dry_run=False)
