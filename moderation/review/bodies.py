"""What a browser sends: read up to a bound, as a form or as JSON, and nothing else."""

import json
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import ClientDisconnect, Request

from moderation.review.pages import Refused

BODY = 64 * 1024  # bytes of a request; a note of 2,000 letters is 8 kB at most
FIELDS = 50  # of a form
FORM, JSON = "application/x-www-form-urlencoded", "application/json"


async def read_body(request: Request) -> bytes:
    """The body of a request; raises `Refused` as soon as it is too large, whatever its length was said to be."""
    said = request.headers.get("content-length", "0")
    if not said.isdecimal() or int(said) > BODY:
        raise Refused(413, f"more than {BODY:,} bytes; nothing was stored")
    found = bytearray()
    try:
        async for part in request.stream():
            found += part
            if len(found) > BODY:
                raise Refused(413, f"more than {BODY:,} bytes; nothing was stored")
    except ClientDisconnect as error:
        raise Refused(400, "the request broke off; nothing was stored") from error
    return bytes(found)


def read_data(kind: str, body: bytes) -> dict[str, Any]:
    """The fields of a form or of a JSON object; raises `Refused` for what is neither."""
    kind = kind.partition(";")[0].strip().lower()
    try:
        if kind == FORM:
            return dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=FIELDS))
        if kind == JSON:
            found = json.loads(body)
            if isinstance(found, dict):
                return found
    except (ValueError, RecursionError) as error:
        raise Refused(400, "the request cannot be read; nothing was stored") from error
    raise Refused(415, f"send a form or a JSON object ({FORM}, {JSON})")
