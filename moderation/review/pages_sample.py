"""Where a run has no sample yet: draws one, shows how far it is, and goes on with it."""

from threading import Lock
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from moderation.review.pages import Refused, data_of, page, review_of
from moderation.review.state import take_sample

SIZE, MOST = 500, 5000  # texts to review
BEGIN = Lock()


def sample_page(request: Request) -> Response:
    """Offers to draw a sample, or shows how far it is; where there is one now, however it was drawn, the review."""
    with BEGIN:  # one of those who look at once begins with it
        review = review_of(request)
        if review.folder is None and (found := take_sample(review)) is not None:
            request.app.state.begin(found)
    if review_of(request).folder is not None:
        return RedirectResponse("/review", 303)
    return page(request, "sample.html", run_id=review.run_id, size=SIZE, sample=state(request))


def draw(request: Request) -> Response:
    """Starts to draw one, in a process of its own."""
    size = str(data_of(request).get("size", ""))
    if not size.isdecimal() or not 1 <= int(size[:6]) <= MOST:
        raise Refused(400, f"a size from 1 to {MOST:,}")
    background = request.app.state.background
    if background is None:
        raise Refused(503, "nothing can be drawn from here", "draw it with: moderation audit sample")
    if state(request)["state"] not in ("waiting", "running") and review_of(request).folder is None:
        request.app.state.drawing = background.ask("sample", run=review_of(request).run_id, size=int(size))
    return RedirectResponse("/review", 303)


def state(request: Request) -> dict[str, Any]:
    """How far the drawing is."""
    job, background = request.app.state.drawing, request.app.state.background
    none = {"state": "none", "line": ""}
    return {**none, **(background.job(job) or {})} if background and job else none


def job(request: Request) -> Response:
    """How far something is that is computed beside the server."""
    background = request.app.state.background
    found = background.job(request.path_params["id"]) if background else None
    if not found:
        raise Refused(404, "no such job")
    return JSONResponse(found)


def told(request: Request) -> Response:
    """How far the drawing is, for a page that looks again now and then."""
    ready = review_of(request).folder is not None or take_sample(review_of(request)) is not None
    return JSONResponse({"state": "ready", "line": ""} if ready else state(request))


routes = [Route("/sample", told), Route("/sample", draw, methods=["POST"]), Route("/jobs/{id}", job)]
