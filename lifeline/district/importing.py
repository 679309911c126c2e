"""I/O: import of the registers of a whole city into a district folder, and export from it.

Input: files and folders of CSV and GeoJSON.
Output: the files of the district, all replaced together after the check of the whole.
Not responsible for: loading the district into the running program.
Rejects: files that would make a district with which no program can start; then nothing is written.
"""

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.progress import Progress, TaskID

from config.boundaries import Boundaries
from config.errors import ConfigError, Problem
from config.files import read_text
from config.geojson import Feature, assets_table, assets_text, features_of
from config.loading import load_quantities, load_table, packaged_tables
from config.merging import Merge, csv_text, merge, with_grids
from config.register import Register
from config.register_rows import ABSENT, OPTIONAL_TABLES, TABLES, register_from
from config.tables import Table

BOUNDARIES = "boundaries.geojson"
"""The polygons of the grids, in the district's folder; the program itself never reads it."""

MAX_GEOJSON_BYTES = 1024 * 1024 * 1024
"""Largest GeoJSON file; assumed: 65,000 grids of 200 corners are 500 MB."""

_NAMES = (*TABLES, *OPTIONAL_TABLES)


@dataclass(frozen=True, slots=True)
class ImportResult:
    """The result of an import, or of a dry run."""

    merges: Mapping[str, Merge]
    register: Register


@dataclass(frozen=True, slots=True)
class _Sources:
    tables: Mapping[str, Table]
    boundaries: Path | None


def import_into(folder: Path, sources: Sequence[Path], progress: Progress, *, dry_run: bool) -> ImportResult:
    """Put the rows of `sources` into the district in `folder`. An asset without a grid gets the grid of its place.

    Raises:
        ConfigError: everything that is wrong in the district as it would become; nothing was written.
    """
    reading = progress.add_task("reading", total=len(sources) + 1)
    found = _read(sources, progress, reading)
    before = {name: load_table(folder / f"{name}.csv", name) for name in _NAMES if (folder / f"{name}.csv").exists()}
    progress.advance(reading)
    merges = {name: merge(name, before.get(name, ABSENT), table) for name, table in found.tables.items()}
    after = {**before, **{name: merge.table for name, merge in merges.items()}}
    own = folder / BOUNDARIES
    boundaries = found.boundaries or (own if own.exists() else None)
    if boundaries is not None and "assets" in after:
        after["assets"] = with_grids(after["assets"], _read_boundaries(boundaries))
    checking = progress.add_task("checking", total=sum(len(table.rows) for table in after.values()))
    tables = {**dict.fromkeys(TABLES, ABSENT), **packaged_tables(), **after}
    register = register_from(tables, load_quantities(folder), lambda n_rows: progress.advance(checking, n_rows))
    if not dry_run:
        changed = [name for name in after if name in merges or name == "assets"]
        writing = progress.add_task("writing", total=len(changed))
        _write(folder, {name: csv_text(name, after[name].rows) for name in changed}, found.boundaries)
        progress.advance(writing, len(changed))
    return ImportResult(merges, register)


def export_assets(folder: Path, target: Path) -> int:
    """Write the assets of the district in `folder` as GeoJSON points; returns how many.

    Raises:
        ConfigError: the file cannot be read.
    """
    table = load_table(folder / "assets.csv", "assets")
    if table.problems:
        raise ConfigError(list(table.problems))
    with target.open("w", encoding="utf-8") as file:
        file.writelines(assets_text(table))
    return len(table.rows)


def export_table(folder: Path, name: str, target: Path) -> int:
    """Write the table `name` of the district in `folder` as CSV; returns how many rows.

    Raises:
        ConfigError: the file cannot be read.
    """
    table = load_table(folder / f"{name}.csv", name)
    if table.problems:
        raise ConfigError(list(table.problems))
    target.write_text(csv_text(name, table.rows), encoding="utf-8")
    return len(table.rows)


def _read(sources: Sequence[Path], progress: Progress, task: TaskID) -> _Sources:
    tables: dict[str, Table] = {}
    boundaries: Path | None = None
    for source in sources:
        for path in _list_files(source):
            if path.suffix == ".csv":
                tables[path.stem] = load_table(path, path.stem)
                continue
            features = _read_features(path)
            if any(feature.geometry_kind.endswith("Polygon") for feature in features):
                boundaries = path
            else:
                tables["assets"] = assets_table(features, str(path))
        progress.advance(task)
    return _Sources(tables, boundaries)


def _list_files(source: Path) -> list[Path]:
    """Return the files to read: of a folder those with the names of a district's files."""
    if source.is_dir():
        names = [*(f"{name}.csv" for name in _NAMES), "assets.geojson", BOUNDARIES]
        found = [source / name for name in names if (source / name).exists()]
        if not found:
            raise _make_error(
                source, f"one of {', '.join(names)} in the folder", "none", "name the files as in a district"
            )
        return found
    if source.suffix not in (".csv", ".geojson", ".json"):
        raise _make_error(source, "a folder, .csv, .geojson or .json", source.suffix or "no suffix", "rename the file")
    if source.suffix == ".csv" and source.stem not in _NAMES:
        expected = f"one of {', '.join(f'{name}.csv' for name in _NAMES)}"
        raise _make_error(source, expected, source.name, "rename the file after what is in it")
    return [source]


def _read_features(path: Path) -> list[Feature]:
    return features_of(read_text(path, MAX_GEOJSON_BYTES), str(path))


def _read_boundaries(path: Path) -> Boundaries:
    return Boundaries(_read_features(path), str(path))


def _write(folder: Path, texts: Mapping[str, str], boundaries: Path | None) -> None:
    """Write everything beside the old files first, and take their places only when all of it is on disk."""
    folder.mkdir(parents=True, exist_ok=True)
    ready: list[tuple[Path, Path]] = []
    for name, text in texts.items():
        path = folder / f".{name}.csv.new"
        with path.open("w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        ready.append((path, folder / f"{name}.csv"))
    if boundaries is not None and boundaries.resolve() != (folder / BOUNDARIES).resolve():
        path = folder / f".{BOUNDARIES}.new"
        shutil.copyfile(boundaries, path)
        ready.append((path, folder / BOUNDARIES))
    for path, target in ready:
        path.replace(target)


def _make_error(path: Path, expected: str, got: str, remedy: str) -> ConfigError:
    return ConfigError([Problem(str(path), 0, "(file)", expected, got, remedy)])
