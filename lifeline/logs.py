"""I/O: structured logs on one stream, for the console or as JSON, with secrets removed.

Input: key-value events of every stage.
Output: one line for each event.
Not responsible for: the meaning of the events.
Rejects: nothing; passwords, tokens and secret keys become `[redacted]`.
"""

import logging
import re
from collections.abc import MutableMapping
from typing import Any, Literal, TextIO

import structlog
from pydantic import SecretBytes, SecretStr

_SECRET_KEY = re.compile(r"(^|_)(password|passwd|secret|token|authorization|api_key|cookie)($|_)", re.IGNORECASE)
_ACK_LINK = re.compile(r"(/(?:a|receipts/[\w.-]+)/)[\w.~=-]+")
_URL_PASSWORD = re.compile(r"(://[^/\s:@]+:)[^@/\s]+(@)")
_REDACTED = "[redacted]"

Event = MutableMapping[str, Any]


def redact(_logger: object, _method: str, event: Event) -> Event:
    """Return `event` with values of secret keys, passwords in URLs and tokens in acknowledge links replaced."""
    for key, value in event.items():
        if isinstance(value, SecretStr | SecretBytes) or (_SECRET_KEY.search(key) and value is not None):
            event[key] = _REDACTED
        elif isinstance(value, str):
            event[key] = redact_text(value)
    return event


def redact_text(text: str) -> str:
    """Return `text` with passwords in URLs and tokens in acknowledge and receipt links replaced."""
    return _ACK_LINK.sub(rf"\1{_REDACTED}", _URL_PASSWORD.sub(rf"\1{_REDACTED}\2", text))


def configure_logs(log_format: Literal["console", "json"], level: str, stream: TextIO) -> None:
    """Send structlog and the standard library's loggers to `stream`; called once, by the command line."""
    number = logging.getLevelNamesMapping()[level.upper()]
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=log_format == "json"),
        structlog.processors.format_exc_info,
        redact,
    ]
    structlog.configure(
        processors=[*shared, _renderer(log_format, stream)],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.WriteLoggerFactory(file=stream),
        cache_logger_on_first_use=False,
    )
    foreign = logging.StreamHandler(stream)
    foreign.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _renderer(log_format, stream)],
        )
    )
    # Libraries speak up for themselves only when something is wrong; their chatter is not an event of ours.
    logging.basicConfig(level=max(number, logging.WARNING), handlers=[foreign], force=True)


def _renderer(log_format: str, stream: TextIO) -> structlog.typing.Processor:
    if log_format == "json":
        return structlog.processors.JSONRenderer(ensure_ascii=False)
    return structlog.dev.ConsoleRenderer(colors=stream.isatty())
