"""I/O: `python -m benchmarks.warning_quality FOLDER [NAME ...] [--out FOLDER]`: replay, score, one page, its plots.

Each named part writes its section and its picture to the output folder; `quality.md` there holds all sections that the
folder has. Without names, all parts run.
"""

import argparse
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from benchmarks.figures import machine, show
from benchmarks.warning_quality.page import beside, line, peers_section, section
from benchmarks.warning_quality.peers.all import missing
from benchmarks.warning_quality.plots import draw
from benchmarks.warning_quality.published import reproduce
from benchmarks.warning_quality.table import SUITES, entries

PROGRAMS: Mapping[str, str] = {"load": "The load of all recordings together", "faults": "Faults of devices"}
"""Parts that are programs of their own. Their tables are taken as they print them, under these headings."""
PARTS = ("published", *SUITES, *PROGRAMS)
PAGE = "quality.md"


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the parts that the command line names."""
    told = _parser().parse_args(arguments)
    told.out.mkdir(parents=True, exist_ok=True)
    print(f"# {about()}")
    if missing():
        print(f"# not installed: {', '.join(missing())}; pip install 'lifeline[bench]'", flush=True)
    for name in told.names or PARTS:
        begin_s = time.monotonic()
        if name == "published":
            text = _published(told.folder)
        elif name in PROGRAMS:
            text = _printed(name, told.folder)
        elif (told.folder / name).is_dir():
            text = _measured(name, told.folder, told.out)
        else:
            print(f"# {name}: not in {told.folder}", flush=True)
            continue
        (told.out / f"{name}.md").write_text(text, encoding="utf-8")
        print(f"# {name}: {time.monotonic() - begin_s:.0f} s", flush=True)
    (told.out / PAGE).write_text(page(told.out), encoding="utf-8")
    print(f"# written: {told.out / PAGE}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.warning_quality")
    parser.add_argument("folder", type=Path, help="folder of the recordings")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(PARTS)}; all if none is named")
    parser.add_argument("--out", type=Path, default=Path("build/quality"), help="folder of the page and its plots")
    return parser


def about() -> str:
    """Return the date and the machine of the figures."""
    return f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {machine()}, numpy {version('numpy')}, scipy {version('scipy')}"


def _published(folder: Path) -> str:
    lines = ["## The scorers, held against published figures", "", "| figure | published | here |", "|---|---|---|"]
    for figure in reproduce(folder):
        show(figure)
        lines.append(f"| {figure.name} | {figure.target} | {figure.value:.2f} |")
    return "\n".join([*lines, ""])


def _printed(name: str, folder: Path) -> str:
    """Print the output of the program of that part, and return its section."""
    told = [sys.executable, "-m", f"{__package__}.{name}", str(folder)]
    found = subprocess.run(told, stdout=subprocess.PIPE, text=True, check=True).stdout
    print(f"\n{name}\n{found}", flush=True)
    tables = "\n".join(line for line in found.splitlines() if not line.startswith("#"))
    return f"## {PROGRAMS[name]}\n\nMeasured {about()}.\n\n{tables}\n"


def _measured(name: str, folder: Path, out: Path) -> str:
    """Print the table of a data set, draw its picture, and return its section."""
    suite = SUITES[name]
    found = entries(suite, folder / name)
    print(f"\n{name}")
    for text in (*map(line, found), *(f"{name} {each}" for each in beside(suite, found))):
        print(text, flush=True)
    if find_spec("matplotlib"):
        draw(name, suite.goal, found, out / f"{name}.png")
    return section(name, suite, found, f"Measured {about()}.")


def page(out: Path) -> str:
    """Return the page of all sections in `out`, in the order of the parts, those of other programs behind."""
    return "\n".join(["# Warning quality", "", *_sections(out), peers_section()])


def _sections(out: Path) -> Iterator[str]:
    known = [out / f"{name}.md" for name in PARTS]
    others = sorted(path for path in out.glob("*.md") if path not in known and path.name != PAGE)
    for path in (*known, *others):
        if path.exists():
            yield path.read_text(encoding="utf-8")


if __name__ == "__main__":
    main()
