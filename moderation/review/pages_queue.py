"""The pages of the queue."""

from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from moderation.review.item import make_item
from moderation.review.pages import page, review_of


def home(request: Request) -> Response:
    """On to the review."""
    return RedirectResponse("/review", 303)


def review_page(request: Request) -> Response:
    """The reviewer's current text."""
    review = review_of(request)
    assert review.design is not None
    item = make_item(review.rows[0], review.design.labels, {})
    progress: dict[str, Any] = {"mine": 0, "done": 0, "total": len(review.rows), "per_minute": 0, "estimates": []}
    about: dict[str, Any] = {"run_id": review.run_id, "sample_id": review.design.sample_id}
    return page(request, "review.html", item=item, progress=progress, message="", picture=None, **about)


routes = [Route("/", home), Route("/review", review_page)]
