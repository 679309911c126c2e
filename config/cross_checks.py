"""Checks over several rows of one table: codes, devices, responsible contacts.

Input: tables.
Output: problems.
Not responsible for: single rows; `config.register_rows` checks them.
Rejects: codes that occur twice, devices at two assets, assets without a responsible contact.
"""

import re

from config.codes import FORM, check_character, compact, is_valid
from config.csv_cells import unique_rows
from config.errors import Problem
from config.register import Role
from config.tables import Row, Table


def check_codes(table: Table, problems: list[Problem]) -> None:
    """Check that codes are right and unique; hyphens do not make two codes different."""
    first: dict[str, Row] = {}
    for row in table.rows:
        code = row["code"]
        if not code:
            continue
        if not is_valid(code):
            form = re.fullmatch(FORM, code)
            last = f"{code[:-1]}{check_character(code[:-1])}" if form else "0-9, A-Z and hyphens, at least three"
            remedy = f"correct it; with a right check character (ISO 7064 MOD 37,36) it would be {last}"
            problems.append(row.problem("code", expected="a code with its check character last", remedy=remedy))
        before = first.setdefault(compact(code), row)
        if before is not row:
            expected = f"each code once (line {before.line} has it)"
            problems.append(row.problem("code", expected=expected, remedy="give one of the two its own code"))


def check_sensors(table: Table, problems: list[Problem]) -> None:
    """Check channels and devices over all sensors together."""
    unique_rows(table, ("device", "channel"), problems)
    homes: dict[str, Row] = {}
    for row in table.rows:
        home = homes.setdefault(row["device"], row)
        if home["asset"] != row["asset"]:
            expected = f"{home['asset']}, where line {home.line} puts device {row['device']}"
            problems.append(row.problem("asset", expected=expected, remedy="a device stands at one asset"))


def check_duties(table: Table, problems: list[Problem]) -> None:
    """Check all duties together: no repetition, and no second responsible contact."""
    unique_rows(table, ("asset", "role", "contact"), problems)
    first: dict[str, Row] = {}
    for row in table.rows:
        before = first.setdefault(row["asset"], row) if row["role"] == Role.RESPONSIBLE else row
        if before["contact"] != row["contact"]:
            expected = f"one responsible contact an asset ({before['contact']} at line {before.line})"
            problems.append(row.problem("contact", expected=expected, remedy="give one of the two another role"))
