"""`python -m benchmarks.warning_quality FOLDER [NAME ...]`: replay and score the named recordings of FOLDER, or all."""

import sys
from pathlib import Path

from benchmarks.figures import machine, show
from benchmarks.warning_quality.published import reproduce
from benchmarks.warning_quality.table import SUITES, print_table


def main() -> None:
    """Run what the command line names."""
    names = sys.argv[2:] or ["published", *SUITES]
    unknown = sorted(set(names) - {"published", *SUITES})
    if len(sys.argv) < 2 or not Path(sys.argv[1]).is_dir() or unknown:
        sys.exit(f"usage: python -m benchmarks.warning_quality FOLDER [{' | '.join(['published', *SUITES])} ...]")
    folder = Path(sys.argv[1])
    print(f"# {machine()}")
    if "published" in names:
        for figure in reproduce(folder):
            show(figure)
    print_table(folder, [name for name in names if name != "published"])


if __name__ == "__main__":
    main()
