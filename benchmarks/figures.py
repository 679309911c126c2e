"""One line a figure: `figure NAME VALUE UNIT`; targets stand beside the value, they never fail a run."""

import platform
import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Figure:
    """A measured value with the target that it is read against."""

    name: str
    value: float
    unit: str
    target: str = ""


def show(figure: Figure) -> None:
    """Print `figure` at once."""
    target = f"   # target {figure.target}" if figure.target else ""
    print(f"figure {figure.name} {figure.value:.6g} {figure.unit}{target}", flush=True)


def machine() -> str:
    """Return the processor, cores, memory and Python that the figures belong to."""
    cpu = next(
        (line.split(":", 1)[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")), "unknown"
    )
    memory = next((line.split()[1] for line in _lines("/proc/meminfo") if line.startswith("MemTotal")), "0")
    cores = sum(line.startswith("processor") for line in _lines("/proc/cpuinfo"))
    return f"{cpu}, {cores} cores, {int(memory) // 1_048_576} GiB, {platform.system()}, Python {sys.version.split()[0]}"


def _lines(path: str) -> list[str]:
    return Path(path).read_text(encoding="utf-8").splitlines() if Path(path).exists() else []
