"""`StartError`: something outside the configuration prevents the start, and a person can put it right.

Comes in: words. Goes out: an exception without a traceback on the command line. Refuses to know its causes.
"""


class StartError(Exception):
    """A port in use, a file that is not there, a ledger that does not open: where, expected, got, remedy."""
