"""`StartError`: a cause outside the configuration prevents the start, and a person can remove it.

Input: a message.
Output: an exception; the command line prints it without a traceback.
Not responsible for: its causes.
Rejects: nothing.
"""


class StartError(Exception):
    """A port in use, a file that is not there, a ledger that does not open: where, expected, got, remedy."""
