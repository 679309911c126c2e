"""I/O: templates of this folder to HTML, everything escaped; and the count of failed links.

Input: the name of a template and its values.
Output: an HTML answer in the language that the address asks for.
Not responsible for: the values.
Rejects: nothing by itself; `too_many` answers a client that fails too often.
"""

import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from lifeline.console.security import PHONE_HEADERS, FailureLimit
from lifeline.text.words import Language, parse_language, word


class Pages:
    """The templates, loaded once for one console."""

    def __init__(self) -> None:
        self._environment = Environment(
            loader=FileSystemLoader(Path(__file__).parent / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.globals["word"] = word
        self._failures = FailureLimit()

    def page(self, name: str, request: Request, values: Mapping[str, object]) -> HTMLResponse:
        """Return the page in the language that the address asks for."""
        lang = read_language(request)
        return HTMLResponse(self._render(name, lang, values))

    def phone_page(self, name: str, values: Mapping[str, object], status: int = 200) -> HTMLResponse:
        """Return a page for a phone: Chinese with English beneath, no script."""
        return HTMLResponse(self._render(name, "zh", values), status, headers=PHONE_HEADERS)

    def problem(self, key: str, status: int) -> HTMLResponse:
        """Return a page with the problem, in both languages."""
        texts = {
            f"{part}_{lang}": word(f"{key}{suffix}", lang)
            for part, suffix in (("title", "_title"), ("text", ""))
            for lang in ("zh", "en")
        }
        return self.phone_page("problem.html", texts, status)

    def too_many(self, request: Request) -> HTMLResponse | None:
        """Count one failed link of the client; return the page of refusal once they are too many, else None."""
        client = request.client.host if request.client else ""
        return self.problem("too_many", 429) if self._failures.fail(client, time.monotonic()) else None

    def _render(self, name: str, lang: Language, values: Mapping[str, object]) -> str:
        template = self._environment.get_template(name)
        return template.render(**values, lang=lang, word=partial(word, lang=lang))


def read_language(request: Request) -> Language:
    """Return the language in the address, Chinese when it names none."""
    return parse_language(request.query_params.get("lang"))
