"""I/O: opens a ledger for looking things up, never a new one by mistake.

Comes in: a URL. Goes out: a `Ledger`. Refuses to create one where none is.
"""

from pathlib import Path

from sqlalchemy import make_url
from sqlalchemy.exc import SQLAlchemyError

from alerts.ledger.ledger import Ledger, open_ledger
from alerts.store.database import LedgerVersionError
from lifeline.start_error import StartError


def open_existing_ledger(url: str) -> Ledger:
    """Return the ledger at `url`.

    Raises:
        StartError: there is none, it cannot be reached, or it is of another version.
    """
    target = make_url(url)
    shown = target.render_as_string(hide_password=True)
    is_file = target.get_backend_name() == "sqlite" and target.database
    if is_file and not Path(str(target.database)).is_file():
        raise StartError(f"ledger {shown}: expected a database, got none; name the settings of the program that ran")
    try:
        return open_ledger(url)
    except (SQLAlchemyError, LedgerVersionError) as error:
        raise StartError(f"ledger {shown}: expected a ledger that opens, got {error}") from error
