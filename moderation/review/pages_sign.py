"""Signing in and out."""

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from moderation.audit.verdict import checked_reviewer
from moderation.errors import UsageError
from moderation.review import session as sessions
from moderation.review.pages import data_of, page, review_of, session_of


def ask(request: Request, message: str = "", status: int = 200) -> Response:
    """The form that asks who reviews, and for the token where one is needed and the browser has not shown it."""
    review, session = review_of(request), session_of(request)
    needed = review.token is not None and not session.admitted
    csrf, names = sessions.csrf_of(session, review.secret), [] if needed else known(request)
    return page(request, "signin.html", status, csrf=csrf, message=message, names=names, token_needed=needed)


def sign_in(request: Request) -> Response:
    """Takes the name, and the token where one is needed."""
    review, session, data = review_of(request), session_of(request), data_of(request)
    if review.token is not None and not session.admitted:
        if not sessions.same(str(data.get("token", "")), review.token):
            return ask(request, "this is not the token; it is printed where the server was started", 403)
        session = sessions.begin(admitted=True)
    try:
        name = checked_reviewer(str(data.get("reviewer", "")).strip())
    except UsageError as error:
        return ask(request, str(error), 400)
    return renewed(request, session.named(name), "/review")


def sign_out(request: Request) -> Response:
    """Gives the reviewer's rows to others and forgets the name."""
    queue, session = request.app.state.queue, session_of(request)
    if queue and session.reviewer:
        queue.sign_out(session.reviewer)
    return renewed(request, session.named(""), "/signin")


def renewed(request: Request, session: sessions.Session, to: str) -> Response:
    """On to another page with another session."""
    request.state.renewed = session
    return RedirectResponse(to, 303)


def known(request: Request) -> list[str]:
    """The reviewers of this sample so far."""
    queue = request.app.state.queue
    return queue.names() if queue else []


routes = [
    Route("/signin", ask),
    Route("/signin", sign_in, methods=["POST"]),
    Route("/signout", sign_out, methods=["POST"]),
]
