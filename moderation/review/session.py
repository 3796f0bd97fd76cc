"""Who asks: a signed cookie that holds the reviewer's name, and the token against forged requests that goes with it."""

import hmac
import json
import secrets
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error
from dataclasses import asdict, dataclass, replace
from hashlib import sha256

KEPT = 30 * 24 * 3600  # seconds that a sign-in lasts


@dataclass(frozen=True)
class Session:
    """A browser: the reviewer's name ('' before they said it), whether it showed the token, whether the name came from
    the command line rather than from the reviewer, when it began, and what tells it from others."""

    reviewer: str = ""
    admitted: bool = False
    given: bool = False
    began: int = 0
    nonce: str = ""

    def named(self, reviewer: str, given: bool = False) -> "Session":
        """The same browser under another name; pages of the old name may not act under the new one."""
        return replace(self, reviewer=reviewer, given=given, began=int(time.time()), nonce=secrets.token_urlsafe(16))


@dataclass(frozen=True)
class Viewer:
    """What a page knows of its reader: the name, and what its forms and requests carry."""

    reviewer: str
    csrf: str


def begin(admitted: bool = False) -> Session:
    """A browser that was not here before."""
    return Session(admitted=admitted).named("")


def signed(session: Session, key: bytes) -> str:
    """The session as the value of a cookie."""
    content = urlsafe_b64encode(json.dumps(asdict(session)).encode()).decode()
    return f"{content}.{mac(key, f'session {content}')}"


def read(cookie: str, key: bytes) -> Session | None:
    """The session of a cookie that we signed, None for every other and for one that is too old."""
    content, _, sign = cookie.partition(".")
    if not same(sign, mac(key, f"session {content}")):
        return None
    try:
        found = Session(**json.loads(urlsafe_b64decode(content)))
    except (ValueError, TypeError, Error):
        return None
    return found if time.time() - found.began < KEPT else None


def csrf_of(session: Session, key: bytes) -> str:
    """What a page's forms and requests carry: only our own pages can know it. The same for a reviewer's every sign-in,
    so that a page that is open goes on; of a browser's own before there is a name."""
    return mac(key, f"csrf of {session.reviewer}" if session.reviewer else f"csrf before {session.nonce}")


def viewer_of(session: Session, key: bytes) -> Viewer | None:
    """The reader of a page, None before they said who they are."""
    return Viewer(session.reviewer, csrf_of(session, key)) if session.reviewer else None


def mac(key: bytes, text: str) -> str:
    """A code that only who has the key can make."""
    return urlsafe_b64encode(hmac.new(key, text.encode(), sha256).digest()).decode().rstrip("=")


def same(one: str, other: str) -> bool:
    """Whether two texts are the same, in a time that does not tell how far they are."""
    return hmac.compare_digest(one.encode("utf-8", "surrogateescape"), other.encode())
