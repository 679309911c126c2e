"""I/O: decoders that other installed packages bring, found by their entry point in the group `lifeline.decoders`.

Input: the decoder names that the subscriptions use.
Output: the table of decoders, our own and those.
Not responsible for: packages that no subscription names; they are not loaded.
Rejects: a package that cannot be imported, brings something else, or has the name of another decoder.
"""

from collections.abc import Iterable, Mapping
from importlib.metadata import EntryPoint, entry_points

from collector.decoders import DECODERS
from collector.payload import Decoder
from config.errors import ConfigError, Problem

GROUP = "lifeline.decoders"


def load_decoders(names: Iterable[str], found: Iterable[EntryPoint] | None = None) -> Mapping[str, Decoder]:
    """Return `DECODERS` and the decoders of other packages among `names`.

    Args:
        names: those in the subscriptions; an unknown name is left out, and the check of the subscription reports it.
        found: entry points to choose from; None takes those of the installed packages.

    Raises:
        ConfigError: a package cannot be loaded, brings something else, or two bring the same name.
    """
    decoders = dict(DECODERS)
    problems: list[Problem] = []
    wanted = set(names) - set(DECODERS)
    for point in entry_points(group=GROUP) if found is None and wanted else found or ():
        if point.name not in wanted:
            continue
        if point.name in decoders:
            problems.append(_problem(point, "one package that brings it", "two"))
            continue
        try:
            brought = point.load()
        except Exception as error:  # noqa: BLE001  # what a stranger's module raises at import is not known
            problems.append(_problem(point, "a package that can be imported", f"{type(error).__name__}: {error}"))
            continue
        if isinstance(brought, Decoder):
            decoders[point.name] = brought
        else:
            problems.append(_problem(point, "a collector.payload.Decoder", type(brought).__name__))
    if problems:
        raise ConfigError(problems)
    return decoders


def _problem(point: EntryPoint, expected: str, got: str) -> Problem:
    where = f"entry point {GROUP}:{point.name} = {point.value}"
    return Problem(where, 0, "", expected, got, "correct or remove the package")
