"""I/O: opens a ledger to look things up, never a new one by mistake.

Input: a URL.
Output: a `Ledger`.
Not responsible for: an upgrade; the program that writes the ledger makes it.
Rejects: a place without a ledger, and a ledger of another revision.
"""

from alerts.ledger.ledger import Ledger
from alerts.ledger.sql_ledger import open_existing_ledger
from alerts.store.errors import LedgerUnavailableError, LedgerVersionError
from config.validation import mask_url
from lifeline.start_error import StartError


def open_ledger_for_lookup(url: str) -> Ledger:
    """Return the ledger at `url`.

    Raises:
        StartError: there is none, it cannot be reached, or it is of another version.
    """
    try:
        return open_existing_ledger(url)
    except FileNotFoundError as error:
        raise StartError(f"ledger {mask_url(url)}: {error}") from error
    except (LedgerUnavailableError, LedgerVersionError) as error:
        raise StartError(f"ledger {mask_url(url)}: expected a ledger that opens, got {error}") from error
