"""I/O: commits of steps to a ledger that may be away for a while, each step exactly once.

Input: a `LedgerStep`.
Output: True once the step is committed, after any number of broken connections.
Not responsible for: making steps.
Rejects: a step after another program took over the ledger, as `FencedError`.
"""

import threading
from collections import Counter

import structlog

from alerts.alert import LedgerStep
from alerts.ledger.ledger import FencedError, Ledger
from alerts.store.errors import LedgerUnavailableError

_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 5.0
"""Between two tries to reach a ledger that is away; assumed."""

_log = structlog.get_logger()


class LedgerWriter:
    """Repeats a commit until it is known to be there."""

    def __init__(self, ledger: Ledger, stopping: threading.Event) -> None:
        """Write to `ledger`; give up when `stopping` is set while it is away."""
        self._ledger, self._stopping = ledger, stopping
        self.is_away = False
        self.counts: Counter[tuple[str, str]] = Counter()

    def commit(self, step: LedgerStep) -> bool:
        """Return True once `step` is durable; False when the program stops before the ledger is back.

        Raises:
            FencedError: another program owns the ledger now.
        """
        pause_s = _FIRST_PAUSE_S
        while not self._try(step):
            if self._stopping.wait(pause_s):
                return False
            pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)
        if self.is_away:
            self.is_away = False
            _log.info("ledger_back")
        return True

    def _try(self, step: LedgerStep) -> bool:
        try:
            self._ledger.commit_step(step)
        except FencedError:
            # Only behind a try whose answer was lost can the step be there already.
            if self.is_away and self._ledger.position() == step.position:
                return True
            raise
        except LedgerUnavailableError as error:
            self.counts["ledger_retries", error.kind] += 1
            if not self.is_away:
                _log.error("ledger_away", error=str(error))
            self.is_away = True
            return False
        return True
