"""The guard before every page: who may ask, from where, how much, and what a browser may do with the answer."""

import logging
import re
from collections.abc import MutableMapping
from dataclasses import replace
from ipaddress import ip_address
from socket import gethostname
from typing import Any
from urllib.parse import quote

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from moderation.review import session as sessions
from moderation.review.bodies import BODY, read_body, read_data
from moderation.review.pages import Refused, on_usage, page, review_of
from moderation.review.session import Session
from moderation.review.state import ANY, LOOPBACK, Review

log = logging.getLogger("moderation.review")
FREE = ("/signin", "/static/")  # what is shown to those who have not signed in
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; frame-src 'self'; base-uri 'none'; frame-ancestors 'self'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",  # with none at all, browsers say that our own forms come from nowhere
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "X-Frame-Options": "SAMEORIGIN",
    "X-Robots-Tag": "noindex",
}


HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[\w.-]+)(?::\d{1,5})?", re.ASCII)  # nothing that a URL could be made of


class Guard:
    """ASGI middleware: checks a request before a page sees it, puts `session` and `data` into its state, and headers on
    every answer. What goes wrong inside is one line for the browser; the trace is for the terminal."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request = Request(scope, receive)
        answer = Answer(send, request)
        try:
            refusal = await admit(request, answer)
            await (refusal or self.app)(scope, again(request), answer.send)
        except Refused as error:
            await on_usage(request, error)(scope, receive, answer.send)
        except Exception:
            log.exception("%s %r", scope["method"], scope["path"])
            if answer.begun:
                raise
            failed = Refused(500, "the page failed; what was stored is safe", "the terminal of the server has more")
            await on_usage(request, failed)(scope, receive, answer.send)


class Answer:
    """The way back: headers are put on whatever is sent, a cookie where the session is a new one."""

    def __init__(self, send: Send, request: Request) -> None:
        self.out, self.request, self.begun, self.cookie = send, request, False, ""

    async def send(self, message: Message) -> None:
        """One message of the answer."""
        if message["type"] == "http.response.start":
            self.begun = True
            headers = MutableHeaders(scope=as_headers(message))
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
            if (renewed := getattr(self.request.state, "renewed", None)) is not None:
                self.cookie = cookie(self.request, renewed)
            if self.cookie:
                headers.append("Set-Cookie", self.cookie)
        await self.out(message)


def as_headers(message: Message) -> MutableMapping[str, Any]:
    """A message as something with headers."""
    message.setdefault("headers", [])
    return message


async def admit(request: Request, answer: Answer) -> Response | None:
    """Checks a request and fills in its state; an answer where it ends here. Raises `Refused`."""
    review = review_of(request)
    check_host(request.headers.get("host", ""), review)
    if request.method not in ("GET", "HEAD", "POST"):
        raise Refused(405, f"{request.method[:20]}: only GET, HEAD and POST are known here")
    found = sessions.read(request.cookies.get(cookie_name(request), ""), review.secret)
    session = request.state.session = found or sessions.begin()
    if request.method == "POST":
        check_origin(request.headers)
        request.state.body = await read_body(request)
        request.state.data = read_data(request.headers.get("content-type", ""), request.state.body)
        check_csrf(request, review, found)
    elif (token := request.query_params.get("token")) and review.token:
        return let_in(request, answer, sessions.same(token, review.token))
    elif found is None and bounced(request):
        return enter(request)
    elif name := name_to_take(request, review, found):
        session = request.state.session = session.named(name, given=True)
        answer.cookie = cookie(request, session)
    elif found is None and request.scope["path"] == "/signin":
        answer.cookie = cookie(request, session)  # its form needs one
    return None if allowed(request, review, session) else ask(request)


def cookie_name(request: Request) -> str:
    """Browsers keep one set of cookies for all ports of a host: servers beside each other need names of their own."""
    return f"review_{(request.scope.get('server') or ('', 0))[1]}"


def cookie(request: Request, session: Session) -> str:
    """The session as a header. Strict: a page of somebody else's cannot even ask in the reviewer's name."""
    value = sessions.signed(session, review_of(request).secret)
    return f"{cookie_name(request)}={value}; Path=/; HttpOnly; SameSite=Strict; Max-Age={sessions.KEPT}"


def name_to_take(request: Request, review: Review, found: Session | None) -> str | None:
    """The name that the command line gave, on this machine itself, for a page whose reader did not say another."""
    name = review.options.reviewer if review.options.loopback and review.token is None else None
    taken = found is not None and (found.reviewer == name or not found.given)
    return None if taken or request.scope["path"].startswith("/static/") else name


def bounced(request: Request) -> bool:
    """Whether a link elsewhere led here: a browser leaves strict cookies out then, and sends them from our own page."""
    return request.headers.get("sec-fetch-site") in ("cross-site", "same-site") and request.method == "GET"


def enter(request: Request, to: str = "") -> Response:
    """A page that goes on by itself: to the same place, unless another is given."""
    query = request.scope["query_string"].decode("latin-1")
    here = quote(request.scope["path"]) + (f"?{query}" if query else "")
    return page(request, "enter.html", to=to or (here if not here.startswith(("//", "/\\")) else "/review"))


def let_in(request: Request, answer: Answer, right: bool) -> Response:
    """Who followed the address with the token: a cookie, and on to the address without it, so that it is in no
    history. Not by a redirection: after one that began elsewhere, a strict cookie would not be sent."""
    if not right:
        raise Refused(403, "this is not the token", "it is printed where the server was started")
    answer.cookie = cookie(request, replace(request.state.session, admitted=True))
    return enter(request, "/review")


def allowed(request: Request, review: Review, session: Session) -> bool:
    """Whether the page may be shown: to all, or to who has signed in and, where one is needed, had the token."""
    if request.scope["path"].startswith(FREE):
        return True
    return bool(session.reviewer) and (session.admitted or review.token is None)


def ask(request: Request) -> Response:
    """Who are you?"""
    if request.method != "POST" and "text/html" in request.headers.get("accept", ""):
        return RedirectResponse("/signin", 303)
    raise Refused(401, "sign in first", "open /signin")


def check_host(host: str, review: Review) -> None:
    """Refuses requests for another host: a page elsewhere may have pointed its own name at this machine."""
    found = HOST.fullmatch(host)
    name, options = found[1].strip("[]").lower() if found else "", review.options
    if options.loopback:
        known = name in LOOPBACK
    else:  # whoever points a name at this machine uses the name, not a number
        open_to_all = options.host in ANY and (is_address(name) or name in {gethostname().lower(), "localhost"})
        known = open_to_all or name == options.host.lower()
    if not known:
        raise Refused(421, "this server has another name", f"open http://{options.host}:{options.port}/")


def is_address(name: str) -> bool:
    """Whether a host is told by number."""
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def check_origin(headers: Headers) -> None:
    """Refuses what a page from elsewhere sends."""
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site not in (None, "same-origin") or origin not in (None, f"http://{headers.get('host', '')}"):
        raise Refused(403, "this request came from a page of another site")


def check_csrf(request: Request, review: Review, found: Session | None) -> None:
    """Refuses what does not come from a page that we made for this reader."""
    sent = request.headers.get("x-csrf-token") or request.state.data.get("csrf") or ""
    if found is None or not isinstance(sent, str) or not sessions.same(sent, sessions.csrf_of(found, review.secret)):
        raise Refused(403, "this page is older than your sign-in; nothing was stored", "reload the page")


def again(request: Request) -> Receive:
    """What was read of the request, for who reads it again."""
    body = getattr(request.state, "body", None)
    if body is None:
        return request.receive

    async def receive() -> Message:
        return {"type": "http.request", "body": body[:BODY], "more_body": False}

    return receive
