"""I/O: a call that may never return, with a limit on the wait.

Input: a function.
Output: its result, or None when the time is over.
Not responsible for: ending the call.
Rejects: a second call before the first has returned: it waits for the first.
"""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

_Answer = TypeVar("_Answer")


class CallWithTimeout(Generic[_Answer]):
    """One question, asked again and again; belongs to one thread."""

    def __init__(self, question: Callable[[], _Answer]) -> None:
        """Ask `question` in a thread of its own each time, at most one at a time."""
        self._question = question
        self._answers: list[_Answer] = []
        self._failures: list[Exception] = []
        self._thread: threading.Thread | None = None

    def call(self, timeout_s: float) -> _Answer | None:
        """Return the answer, or None when it did not come within `timeout_s`.

        Raises:
            Exception: whatever the question raised.
        """
        if self._thread is None:
            self._answers, self._failures = [], []
            self._thread = threading.Thread(target=self._run, name="asking", daemon=True)
            self._thread.start()
        self._thread.join(timeout_s)
        if self._thread.is_alive():
            return None
        self._thread = None
        if self._failures:
            raise self._failures[0]
        return self._answers[0]

    def _run(self) -> None:
        try:
            self._answers.append(self._question())
        except Exception as error:  # noqa: BLE001 - raised again where it was asked
            self._failures.append(error)
