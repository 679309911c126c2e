"""All detectors of others, and which of them are installed.

Two are not run. The QARTOD tests of ioos_qc judge the quality of readings and are peers of the intake's flags (`python
-m benchmarks.data_quality`). For Merlion, see docs/warning-quality.md.
"""

from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version

from benchmarks.warning_quality.peers import components, limits, night, outliers, shapes, streams
from benchmarks.warning_quality.peers.seam import Peer

PEERS: tuple[Peer, ...] = (
    *limits.PEERS,
    *components.PEERS,
    *outliers.PEERS,
    *streams.PEERS,
    *shapes.PEERS,
    *night.PEERS,
)


def version_of(peer: Peer) -> str:
    """Return distribution and version of `peer`, "written here", or nothing if it is not installed."""
    if not peer.package:
        return "written here"
    try:
        return f"{peer.package} {version(peer.package)}"
    except PackageNotFoundError:
        return ""


def missing(peers: Sequence[Peer] = PEERS) -> list[str]:
    """Return the distributions that are not installed."""
    return sorted({each.package for each in peers if not version_of(each)})
