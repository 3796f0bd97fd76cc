"""What every page is made with: answers as HTML or JSON, errors among them, and who asks."""

from typing import Any, cast

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from moderation.errors import UsageError
from moderation.review.render import render
from moderation.review.session import Session, Viewer, viewer_of
from moderation.review.state import Review


class Refused(UsageError):
    """What a browser asked for cannot be had: one line, its HTTP status, and what to do."""

    def __init__(self, status: int, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.status, self.hint = status, hint


def review_of(request: Request) -> Review:
    """What is under review."""
    return cast(Review, request.app.state.review)


def session_of(request: Request) -> Session:
    """The browser that asks."""
    return cast(Session, request.state.session)


def viewer(request: Request) -> Viewer | None:
    """The reader, None before they said who they are."""
    return viewer_of(session_of(request), review_of(request).secret) if hasattr(request.state, "session") else None


def data_of(request: Request) -> dict[str, Any]:
    """What a form or a JSON request sent; the guard has read, bounded and parsed it."""
    return cast(dict[str, Any], request.state.data)


def page(request: Request, template: str, status: int = 200, **context: Any) -> Response:
    """A template as a page; every one gets the reader as `viewer`, and its HTTP status."""
    return HTMLResponse(render(template, viewer=viewer(request), status=status, **context), status)


def problem(request: Request, status: int, message: str, hint: str = "") -> Response:
    """An error: a small page for who looks, JSON for who asked by script; one line, and nothing of the inside."""
    if "text/html" in request.headers.get("accept", ""):
        return page(request, "error.html", status, message=message, hint=hint)
    return JSONResponse({"message": message, "hint": hint}, status)


def on_usage(request: Request, error: Exception) -> Response:
    """A mistake of the caller's, or what keeps the store from being used."""
    return problem(request, getattr(error, "status", 400), str(error), getattr(error, "hint", ""))


def on_http(request: Request, error: Exception) -> Response:
    """No such page, or another method."""
    assert isinstance(error, HTTPException)
    return problem(request, error.status_code, error.detail)
