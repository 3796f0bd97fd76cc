"""The pages of the queue: the reviewer's text, their words on it, back, undo, scores; signing in and out; a sample to
draw where there is none."""

from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from moderation.review.item import Item, make_item
from moderation.review.pages import Refused, data_of, page, review_of, session_of
from moderation.review.queue import WORDS, Queue, View
from moderation.review.render import render
from moderation.review.state import Key


def home(request: Request) -> Response:
    """On to the review."""
    return RedirectResponse("/review", 303)


def review_page(request: Request) -> Response:
    """The reviewer's current text, or the row that the address names."""
    from moderation.review.pages_sample import sample_page

    review = review_of(request)
    if review.design is None:
        return sample_page(request)
    view = queue_of(request).current(reviewer_of(request), key_in(dict(request.query_params)))
    return page(
        request,
        "review.html",
        run_id=review.run_id,
        sample_id=review.design.sample_id,
        item=item_of(request, view),
        message=view.message,
        progress=progress_of(request, view.progress),
        picture=picture_of(request),
    )


def say(request: Request) -> Response:
    """Stores words: they are on the disk before this answers."""
    data = data_of(request)
    words, note = data.get("verdicts", {}), data.get("note")
    if not isinstance(words, dict) or not isinstance(note, str | None):
        raise Refused(400, "verdicts is an object of words by label, note a text; nothing was stored")
    if odd := [word for word in words.values() if word not in WORDS]:
        raise Refused(400, f"'{str(odd[0])[:60]}' is none of {', '.join(WORDS)}; nothing was stored")
    return shown(request, queue_of(request).say(reviewer_of(request), required(data), words, note))


def undo(request: Request) -> Response:
    """Takes the last words back."""
    data = data_of(request)
    token = data.get("undo") or "" if "undo" in data else None
    if not isinstance(token, str | None):
        raise Refused(400, "undo is a text")
    return shown(request, queue_of(request).undo(reviewer_of(request), token))


def back(request: Request) -> Response:
    """One row back."""
    return shown(request, queue_of(request).back(reviewer_of(request), key_in(data_of(request))))


def forward(request: Request) -> Response:
    """One row forward."""
    return shown(request, queue_of(request).next(reviewer_of(request), key_in(data_of(request))))


def reveal(request: Request) -> Response:
    """The row with what the run said of it."""
    return shown(request, queue_of(request).reveal(reviewer_of(request), required(data_of(request))))


def look(request: Request) -> Response:
    """A row once more: its driving words may be there by now."""
    return shown(request, queue_of(request).look(reviewer_of(request), required(dict(request.query_params))))


def progress(request: Request) -> Response:
    """How far the review is, for a page that looks again now and then."""
    found = queue_of(request).progress(reviewer_of(request)) if review_of(request).design else {}
    return JSONResponse(progress_of(request, found))


def shown(request: Request, view: View) -> Response:
    """A row as the part of the page that shows it, with all that goes with it."""
    about = progress_of(request, view.progress)
    row_id, date = view.key or (None, None)
    return JSONResponse(
        {
            "item": render("item.html", item=item_of(request, view), progress=about),
            "row_id": row_id,
            "date": date,
            "done": view.done,
            "message": view.message,
            "position": "mine" if view.mine else "queue",
            "progress": about,
        }
    )


def item_of(request: Request, view: View) -> Item | None:
    """The row of a view."""
    if view.key is None:
        return None
    review, background = review_of(request), request.app.state.background
    assert review.design is not None
    labels = review.design.labels
    asked = next((label for label in labels if label not in view.words), labels[0])
    state = background.words_state()[0] if background and review.options.words else "off"
    marks = background.words(*view.key, asked) if background and state != "off" else None
    return make_item(
        review.by_key[view.key],
        labels,
        view.words,
        note=view.note,
        third=view.third,
        revealed=view.revealed,
        marks=marks,
        words="off" if state == "off" else "computing",
    )


def progress_of(request: Request, found: dict[str, Any]) -> dict[str, Any]:
    """The progress with the estimates as they are known now."""
    background = request.app.state.background
    words = background.words_state()[0] if background else "off"
    found = found | {"estimates": (background.estimates() or []) if background else [], "words": words}
    return found | {"html": render("live.html", progress=found, picture=picture_of(request))}


def picture_of(request: Request) -> str:
    """How an interval shrank, as SVG of our own; '' where nothing is known."""
    background = request.app.state.background
    return background.picture() if background else ""


def queue_of(request: Request) -> Queue:
    """The queue of the sample; raises `Refused` where there is none."""
    found: Queue | None = request.app.state.queue
    if found is None:
        raise Refused(409, "there is no sample yet", "open /review")
    return found


def reviewer_of(request: Request) -> str:
    """Who asks."""
    return session_of(request).reviewer


def key_in(data: dict[str, Any]) -> Key | None:
    """The row that a request names, None where it names none."""
    if data.get("row_id") is None:
        return None
    if not isinstance(data["row_id"], str) or not isinstance(data.get("date"), str):
        raise Refused(400, "row_id and date are texts")
    return data["row_id"], data["date"]


def required(data: dict[str, Any]) -> Key:
    """The row that a request names."""
    if (key := key_in(data)) is None:
        raise Refused(400, "row_id and date are missing; nothing was stored")
    return key


def posts(path: str, endpoint: Callable[[Request], Response]) -> Route:
    """A route that changes something."""
    return Route(path, endpoint, methods=["POST"])


routes = [
    Route("/", home),
    Route("/review", review_page),
    Route("/review/progress", progress),
    Route("/review/item", look),
    posts("/review/verdict", say),
    posts("/review/undo", undo),
    posts("/review/back", back),
    posts("/review/next", forward),
    posts("/review/reveal", reveal),
]
