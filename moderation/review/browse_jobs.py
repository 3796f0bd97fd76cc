"""What a page has computed beside the server, without a script: it is asked for by a form and looked at again."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from moderation.errors import UsageError
from moderation.review.pages import Refused

AGAIN = "2"  # seconds after which a page looks again
OPEN = ("waiting", "running")


def ask(request: Request, kind: str, **arguments: Any) -> str:
    """Asks for a job and returns its id; raises `Refused` where nothing computes beside this server."""
    background = request.app.state.background
    if background is None:
        raise Refused(503, "nothing computes beside this server now", "start it again")
    try:
        found: str = background.ask(kind, **arguments)
    except UsageError as error:
        raise Refused(503, str(error)) from error
    return found


def job_of(request: Request, kind: str, number: str | None = None) -> dict[str, Any] | None:
    """The job of a kind that an address names; None where it names none, or one that is not known any more."""
    background, wanted = request.app.state.background, number or request.query_params.get("job")
    found = background.job(wanted) if background and wanted else None
    return found if found and found["kind"] == kind else None


def refreshed(answer: Response, job: dict[str, Any] | None) -> Response:
    """A page that a browser asks for again while its job is not done; scripts are not needed for it."""
    if job and job["state"] in OPEN:
        answer.headers["Refresh"] = AGAIN
    return answer
