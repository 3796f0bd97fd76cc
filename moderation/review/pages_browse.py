"""Browsing: the rows of the run by what was said of them, a row with all that is known of it, runs, disagreements."""

from typing import Any

from starlette.convertors import Convertor, register_url_convertor
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from moderation.audit.extra import need_extra
from moderation.review import browse_runs
from moderation.review.browse_filter import SEVERAL, BadFilter, read_filter
from moderation.review.browse_jobs import ask, job_of, refreshed
from moderation.review.browse_row import other_columns, provenance, row_address, rules_of, scores_of, verdicts_on
from moderation.review.item import context_of, segments
from moderation.review.pages import Refused, data_of, page, review_of, session_of
from moderation.review.state import Key

FEW = 100_000  # rows of a run whose index is made while the page is asked for: under a second
LETTERS = 300  # of a text that the list shows
SHOWN = ("action", "severity", "status", "status_reason", "evidence", "entities")  # which a row need not have


class Anything(Convertor[str]):
    """The rest of an address, whatever letters it has: ids may hold slashes and newlines."""

    regex = r"[\s\S]*"

    def convert(self, value: str) -> str:
        """As it is."""
        return value

    def to_string(self, value: str) -> str:
        """As it is."""
        return value


register_url_convertor("anything", Anything())


def rows_page(request: Request) -> Response:
    """A page of rows: the address says which."""
    from moderation.review.browse_query import facets
    from moderation.review.browse_rows import page_of

    index = index_of(request)
    if isinstance(index, Response):
        return index
    try:
        wanted = read_filter(request.query_params.multi_items())
        found, following, searched = page_of(index, wanted)
        counts = facets(index, wanted)
    except BadFilter as error:
        raise Refused(400, str(error), "/rows shows all that was flagged") from error
    return page(
        request,
        "rows.html",
        run_id=review_of(request).run_id,
        wanted=wanted,
        several=SEVERAL,
        rows=[in_list(request, row) for row in found],
        facets=counts,
        known={kind: list(names) for kind, names in index.numbers.items() if kind != "subreddit"},
        following=None if following is None else wanted.query(after=following),
        searched=searched,
    )


def in_list(request: Request, row: dict[str, Any]) -> dict[str, Any]:
    """A row as the list shows it: what the run said of it is left out where the reader is still to judge it."""
    row_id, text = str(row["id"]), row.get("body") or ""
    return row | {
        "address": row_address(row_id, row["date"], row["n"]),
        "text": text if len(text) <= LETTERS else f"{text[:LETTERS]}…",
        "hidden": waits_for(request, (row_id, row["date"])),
    }


def row_page(request: Request) -> Response:
    """One row with all that is known of it."""
    index = index_of(request)
    if isinstance(index, Response):
        return index
    review, row = review_of(request), wanted_row(request, index)
    key = str(row["id"]), str(row["date"])
    hidden, job = waits_for(request, key), job_of(request, "replay")
    words, problems = ([], []) if hidden else verdicts_on(review.output, review.run_id, *key)
    spans = [(one["start"], one["end"], one["type"]) for one in row.get("entities") or ()]
    body = row.get("body") or ""
    answer = page(
        request,
        "row.html",
        run_id=review.run_id,
        row_id=key[0],
        date=key[1],
        context=context_of(row),
        segments=segments(body, spans, ()),
        row=dict.fromkeys(SHOWN) | row,
        scores=scores_of(row, review.manifest),
        rules=rules_of(row, review.manifest),
        provenance=provenance(row, review.manifest, review.output),
        others=other_columns(row),
        verdicts=words,
        problems=problems,
        hidden=hidden,
        sampled=key in review.by_key,
        replay=None if job and job["result"] and job["result"].get("row_id") != key[0] else job,
    )
    return refreshed(answer, job)


def wanted_row(request: Request, index: Any) -> dict[str, Any]:
    """The row that an address names, by its id or its number; raises `Refused` where there is none."""
    from moderation.review.browse_query import find_row
    from moderation.review.browse_rows import rows_at

    date, row_id = request.path_params["date"], request.path_params["row_id"]
    number = request.query_params.get("n", "")
    if number and not row_id:
        if not number.isdecimal() or len(number) > 15 or int(number) >= index.rows:
            raise Refused(404, "no such row was published by this run")
        found = rows_at(index, [int(number)], None)
    else:
        row_id = row_id or request.query_params.get("id", "")
        found = rows_at(index, find_row(index, row_id, date), None)
        found = {place: row for place, row in found.items() if str(row["id"]) == row_id}
    for _, row in sorted(found.items()):
        if row["date"] == date:
            return row
    raise Refused(404, "no such row was published by this run", "/rows shows its rows")


def reveal(request: Request) -> Response:
    """Shows what the run said of a row that the reader is still to judge, once it is noted that they looked."""
    key = key_of(request)
    if request.app.state.queue is not None and key in review_of(request).by_key:
        request.app.state.queue.reveal(session_of(request).reviewer, key)
    return RedirectResponse(row_address(*key), 303)


def replay(request: Request) -> Response:
    """Starts to make a decision again; the row's page shows what came of it."""
    row_id, date = key_of(request)
    job = ask(request, "replay", run=review_of(request).run_id, row_id=row_id, date=date)
    address = row_address(row_id, date)
    return RedirectResponse(f"{address}{'&' if '?' in address else '?'}job={job}", 303)


def key_of(request: Request) -> Key:
    """The row that a form names."""
    data = data_of(request)
    row_id, date = data.get("row_id"), data.get("date")
    if not isinstance(row_id, str) or not isinstance(date, str):
        raise Refused(400, "row_id and date are missing")
    return row_id, date


def waits_for(request: Request, key: Key) -> bool:
    """Whether the reader is still to judge a row, and did not ask for what the run said of it. Where the verdicts
    cannot be read it is taken for so."""
    review, queue = review_of(request), request.app.state.queue
    if queue is None or review.design is None or key not in review.by_key:
        return False
    try:
        view = queue.look(session_of(request).reviewer, key)
    except Refused:
        return True
    return not view.revealed and any(label not in view.words for label in review.design.labels)


def index_of(request: Request) -> Any:
    """The index of the run, or the page that is shown while it is made."""
    need_extra("duckdb", extra="review")
    from moderation.review.browse_index import make_index, total
    from moderation.review.browse_query import open_index

    review = review_of(request)
    found = open_index(review.output, review.manifest)
    if found is None and total(review.manifest) <= FEW:
        make_index(review.output, review.run_id)
        found = open_index(review.output, review.manifest)
    if found is not None:
        return found
    job = indexing(request)
    answer = page(request, "indexing.html", run_id=review.run_id, rows=total(review.manifest), job=job)
    return refreshed(answer, job)


def indexing(request: Request) -> dict[str, Any]:
    """The job that makes the index, asked for unless it is under way. One that failed is shown once, and the next look
    begins another."""
    state = request.app.state
    job = job_of(request, "index", getattr(state, "indexing", None))
    if job is None or job["state"] == "done":
        state.indexing = ask(request, "index", run=review_of(request).run_id)
        job = job_of(request, "index", state.indexing)
    elif job["state"] == "failed":
        state.indexing = None
    return job or {"state": "waiting", "line": ""}


def disagreements_page(request: Request) -> Response:
    """The rows on which reviewers disagree, for one more."""
    from moderation.audit.verdicts import disagreements

    review, name = review_of(request), session_of(request).reviewer
    found: dict[Key, dict[str, Any]] = {}
    for one in disagreements(review.folder).to_dict("records") if review.folder else []:
        key = str(one["row_id"]), str(one["date"])
        names = f"{one['yes']}, {one['no']}, {one['unsure']}".split(", ")
        row = found.setdefault(key, {"key": key, "labels": [], "mine": False, "row": review.by_key.get(key, {})})
        row["labels"].append(one["label"])
        row["mine"] = row["mine"] or name in names
    sample_id = review.design.sample_id if review.design else None
    return page(request, "disagreements.html", rows=list(found.values()), letters=LETTERS, sample_id=sample_id)


routes = [
    Route("/rows", rows_page),
    Route("/rows/reveal", reveal, methods=["POST"]),
    Route("/rows/replay", replay, methods=["POST"]),
    Route("/rows/{date}/{row_id:anything}", row_page),
    Route("/disagreements", disagreements_page),
    *browse_runs.routes,
]
