"""`Sms`: one received text message, and the inbox page that shows messages as a phone would.

Input: messages.
Output: JSON, and HTML that opens without JavaScript.
Not responsible for: the transport of messages.
Rejects: nothing.
"""

import html
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import msgspec

from config.city_time import CityTime
from config.levels import WarningLevel

_ADDRESS = re.compile(r"https?://[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]*[A-Za-z0-9/=_-]")
_OVER = ("恢复正常", "设备恢复", "Back to normal", "Device is back")
_FAULT = ("设备故障", "Device fault")
_FAULT_HEX = "#7a828c"
_PLAIN_HEX = "#c9ced6"

_STYLE = """
body{margin:0;background:#e9edf2;font:16px/1.5 system-ui,"PingFang SC","Microsoft YaHei","Noto Sans CJK SC",sans-serif}
main{max-width:27rem;margin:0 auto;min-height:100vh;background:#f6f7f9;box-shadow:0 0 2rem #0002}
header{position:sticky;top:0;background:#1c2733;color:#fff;padding:.9rem 1rem}
header h1{font-size:1.05rem;margin:0}header p{margin:.1rem 0 0;font-size:.8rem;opacity:.8}
article{margin:.8rem;background:#fff;border-radius:.9rem;border-left:.45rem solid;padding:.6rem .9rem;
box-shadow:0 1px 3px #0002;overflow-wrap:anywhere}
article p{margin:.2rem 0;white-space:pre-wrap}
footer{font-size:.78rem;color:#5c6670;display:flex;justify-content:space-between;gap:1rem}
a{color:#0a58ca}.none{padding:3rem 1rem;text-align:center;color:#5c6670}
"""


@dataclass(frozen=True, slots=True)
class Sms:
    """One message as the phone got it."""

    id: int
    """1, 2, 3, ... in order of receipt."""
    sender: str
    to: str
    """Phone number, E.164."""
    text: str
    received_ns: int
    """UTC nanoseconds."""
    report_url: str = ""
    """Address for delivery reports; it distinguishes two messages of equal text; empty for none."""


def inbox_json(messages: Sequence[Sms]) -> bytes:
    """Return all messages as a JSON list, oldest first; `sender` is called `from`."""
    rows = [asdict(message) for message in messages]
    for row in rows:
        # Whoever knows this address can report for the gateway.
        del row["report_url"]
    return msgspec.json.encode([{"from" if name == "sender" else name: row[name] for name in row} for row in rows])


def inbox_page(messages: Sequence[Sms], city: CityTime) -> str:
    """Return the inbox as one HTML page, newest first, which loads itself again every two seconds."""
    articles = "".join(_article(message, city) for message in reversed(messages))
    body = articles or '<p class="none">还没有短信 · no messages yet</p>'
    return (
        '<!doctype html><html lang="zh"><head><meta charset="utf-8"><title>短信收件箱 · SMS inbox</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta http-equiv="refresh" content="2"><style>{_STYLE}</style></head><body><main><header>'
        f"<h1>短信收件箱 · SMS inbox</h1><p>{len(messages)} 条 · {len(messages)} messages</p></header>"
        f"{body}</main></body></html>"
    )


def colour_of(text: str) -> str:
    """Return the screen colour that belongs to a message, #rrggbb: its level's, green when over, grey for a fault."""
    if any(word in text for word in _OVER):
        return WarningLevel.GREEN.hex
    if any(word in text for word in _FAULT):
        return _FAULT_HEX
    # From red down: the name of the lowest level is part of the name of the second lowest.
    for level in sorted(WarningLevel, reverse=True):
        if level.zh in text or level.en in text:
            return level.hex
    return _PLAIN_HEX


def _article(message: Sms, city: CityTime) -> str:
    received = city.text(message.received_ns, "%m-%d %H:%M:%S")
    return (
        f'<article style="border-color:{colour_of(message.text)}"><p>{_linked(message.text)}</p>'
        f"<footer><span>{html.escape(message.sender)} → {html.escape(message.to)}</span>"
        f"<time>{received}</time></footer></article>"
    )


def _linked(text: str) -> str:
    """Return escaped text with web addresses as links."""
    pieces, end = [], 0
    for found in _ADDRESS.finditer(text):
        address = html.escape(found.group())
        pieces += [html.escape(text[end : found.start()]), f'<a href="{address}" target="_blank">{address}</a>']
        end = found.end()
    return "".join(pieces) + html.escape(text[end:])
