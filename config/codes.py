"""Codes of assets (消防码 and the like) with a check character: a misread sticker never names another building.

Input: text.
Output: the check character; whether a code is right.
Not responsible for: the register.
Rejects: characters outside letters and digits.

Source: ISO 7064:2003, hybrid system MOD 37,36. Every wrong character changes the check character.
So do nearly all neighbours in the wrong order. Hyphens are for the eye and do not count.
"""

import re

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
FORM = r"(?=.{3,40}$)[0-9A-Z]+(-[0-9A-Z]+)*"
"""Form of a code, its check character last."""

_M = len(ALPHABET)


def check_character(text: str) -> str:
    """Return the character that completes `text`, which is made of 0-9, A-Z and hyphens.

    Raises:
        ValueError: another character stands in it.
    """
    product = _M
    for character in compact(text):
        product = (product + ALPHABET.index(character)) % _M or _M
        product = product * 2 % (_M + 1)
    return ALPHABET[(1 - product) % _M]


def is_valid(code: str) -> bool:
    """Tell whether `code` has the form of a code and the right check character."""
    return bool(re.fullmatch(FORM, code)) and check_character(compact(code)[:-1]) == code[-1]


def compact(code: str) -> str:
    """Return `code` without hyphens: the unique part."""
    return code.replace("-", "")
