"""I/O: the fields of a small form.

Input: a request.
Output: its fields.
Not responsible for: the meaning of the fields.
Rejects: more than 4 KiB with 413, and a body that cannot be read with 400.
"""

from urllib.parse import parse_qsl

from fastapi import HTTPException, Request

_MAX_BYTES = 4096


async def form_fields(request: Request) -> dict[str, str]:
    """Return the fields of an urlencoded form of at most 4 KiB.

    Raises:
        HTTPException: 413 when it is larger, 400 when it cannot be read.
    """
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MAX_BYTES:
            raise HTTPException(413, f"form: expected at most {_MAX_BYTES} bytes")
    try:
        return dict(parse_qsl(body.decode("ascii"), max_num_fields=16))
    except ValueError as error:
        raise HTTPException(400, "form: expected urlencoded fields") from error
