"""The errors of the ledger's database, for callers that know no database.

Input: nothing.
Output: exception classes.
Not responsible for: the errors of a step, see `alerts.ledger.ledger.FencedError`.
Rejects: nothing.
"""


class LedgerVersionError(Exception):
    """The database holds a ledger that this program must not write."""


class LedgerUnavailableError(Exception):
    """The database did not answer, or rejected the work; nothing of the transaction was stored.

    `kind` is the name of the driver's error, e.g. `OperationalError`: a label for counters.
    """

    def __init__(self, message: str, kind: str) -> None:
        """Keep `kind` beside the message of the driver."""
        super().__init__(message)
        self.kind = kind
