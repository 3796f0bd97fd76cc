"""The application: the routes of all parts behind the guard."""

from functools import cache, partial
from mimetypes import guess_type
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from moderation.errors import UsageError
from moderation.review import pages_browse, pages_queue, pages_sample, pages_sign
from moderation.review.pages import on_http, on_usage
from moderation.review.queue import Queue
from moderation.review.security import Guard
from moderation.review.state import Review
from moderation.text.digest import text_digest

STATIC = Path(__file__).parent / "static"


def make_app(review: Review) -> Starlette:
    """The pages of a review; `app.state.review` is what is under review, `queue` its rows (None without a sample),
    `background` what computes beside the server (None where nothing does)."""
    files()
    parts = (pages_queue, pages_sign, pages_sample, pages_browse)
    app = Starlette(
        routes=[Route("/static/{name}", static), *(route for part in parts for route in part.routes)],
        middleware=[Middleware(Guard)],
        exception_handlers={UsageError: on_usage, HTTPException: on_http},
    )
    app.state.background = app.state.drawing = None
    app.state.begin = partial(begin, app)
    begin(app, review)
    return app


def begin(app: Starlette, review: Review) -> None:
    """Has the pages be about a review from now on."""
    folder, design = review.folder, review.design
    app.state.queue = Queue(folder, design, list(review.by_key), review.options.lease) if folder and design else None
    app.state.review = review
    if folder and app.state.background:
        app.state.background.watch(folder)


def static(request: Request) -> Response:
    """A file of ours, by its name among those that were read at the start: no path of a request reaches the disk."""
    found = files().get(request.path_params["name"])
    if found is None:
        raise HTTPException(404, "no such file")
    content, kind, tag = found
    headers = {"ETag": tag, "Cache-Control": "no-cache"}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    return Response(content, media_type=kind, headers=headers)


@cache
def files() -> dict[str, tuple[bytes, str, str]]:
    """The files that pages load: content, type and tag by name."""
    found = {}
    for path in STATIC.iterdir():
        content = path.read_bytes()
        kind = guess_type(path.name)[0] or "application/octet-stream"
        found[path.name] = content, kind, f'"{text_digest(content.hex())[:16]}"'
    return found
