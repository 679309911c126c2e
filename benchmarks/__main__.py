"""`python -m benchmarks [NAME ...]`: print the machine and the figures of the named benchmarks, or of all."""

import sys

from benchmarks import backtest, cardinality, data_quality, formats, intake, latency, packs, register, rules
from benchmarks.figures import machine, show

BENCHMARKS = {
    "rules": rules.measure,
    "packs": packs.measure,
    "intake": intake.measure,
    "formats": formats.measure,
    "latency": latency.measure,
    "register": register.measure,
    "cardinality": cardinality.measure,
    "backtest": backtest.measure,
    "data_quality_speed": data_quality.measure_speed,
}


def main() -> None:
    """Run the benchmarks that the command line names."""
    names = sys.argv[1:] or list(BENCHMARKS)
    unknown = sorted(set(names) - set(BENCHMARKS))
    if unknown:
        sys.exit(f"benchmarks: expected names among {', '.join(BENCHMARKS)}, got {', '.join(unknown)}")
    print(f"# {machine()}")
    for name in names:
        for figure in BENCHMARKS[name]():
            show(figure)


if __name__ == "__main__":
    main()
