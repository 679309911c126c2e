"""I/O: `text_file`: a channel that appends each message to a file, one line a message.

Input: a `Notification`.
Output: a line in the file, and an `Outcome`.
Not responsible for: retries, timing and metrics; the dispatcher knows them.
Rejects: unknown options; a folder that does not exist is tried again later.

To ship it: move the file to `alerts/channels/` and add one line to `CHANNELS`.
"""

from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from alerts.channels import ChannelKind
from alerts.channels.http import ChannelContext
from alerts.notification import Notification, Outcome, Verdict


class Options(BaseModel):
    """What the settings say below `options`."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    path: Path
    """The file; it is made with the first message."""


class TextFile:
    """One file. The dispatcher calls `send` from several threads."""

    def __init__(self, options: Options) -> None:
        """Write to the file in `options`."""
        self._path = options.path

    def send(self, notification: Notification) -> Outcome:
        """Append the message; a second attempt with the same id may append it again."""
        line = f"{notification.id} {notification.address} {' '.join(notification.text.split())}\n"
        try:
            # one write in append mode: lines of two threads do not mix
            with self._path.open("ab", buffering=0) as file:
                file.write(line.encode())
        except OSError as error:
            # a channel never raises for the other side; `RETRY` means: not now
            return Outcome(Verdict.RETRY, f"cannot write: {error.strerror}")
        return Outcome(Verdict.SENT, "written")

    def close(self) -> None:
        """Release nothing: the file is open only while a line is written."""


def build(name: str, options: Mapping[str, object], outside: ChannelContext) -> TextFile:
    """Return the channel that `options` describe.

    Raises:
        ValidationError: they are wrong.
    """
    del name, outside  # a channel over HTTP sends by `outside.exchange`
    return TextFile(Options.model_validate(options))


KIND = ChannelKind(Options, build)
"""The line of the table: `"text_file": ChannelKind(text_file.Options, text_file.build)`."""
