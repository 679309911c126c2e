"""Configuration errors: place, expected value, found value, remedy.

Input: problems of the loaders.
Output: `ConfigError` with all problems at once.
Not responsible for: the order of loading.
Rejects: nothing.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong in one place of a configuration file."""

    file: str
    line: int
    """1-based line, 0 when the whole file is meant."""
    path: str
    """Where inside the document, e.g. `rules[3].levels[0].limit` or a CSV column name."""
    expected: str
    got: str
    remedy: str

    def __str__(self) -> str:
        """Return the one-line form: file:line path: expected ..., got ...; remedy."""
        return f"{self.file}:{self.line} {self.path}: expected {self.expected}, got {self.got}; {self.remedy}"


class ConfigError(Exception):
    """The configuration is wrong; nothing was started or replaced. Carries every problem found."""

    def __init__(self, problems: list[Problem]) -> None:
        """Keep `problems` (at least one) and make the message of all of them, one a line."""
        self.problems = problems
        super().__init__("\n".join(str(problem) for problem in problems))
