"""The guard: who may ask, from where, how much; what a browser may do with an answer; no string of anybody's runs."""

import json
import re
from typing import Any
from urllib.parse import quote

import pytest
from starlette.testclient import TestClient

from moderation.review.app import make_app
from moderation.review.bodies import BODY
from moderation.review.state import Options, load
from tests.review.harmless import check_harmless
from tests.review.hostile_strings import HOSTILE, INJECTIONS
from tests.review.reviewed_run import output_with_sample
from tests.review.serving import hidden, row_in

PAGE = {"Accept": "text/html"}
TOKEN = "a-token-of-thirty-two-letters-ok"


def client(output, base="http://127.0.0.1:8765", **options) -> TestClient:
    """A browser without a screen at the application itself; errors inside are answers, as they are to a browser."""
    app = make_app(load(output, None, "latest", Options(**options)))
    return TestClient(app, base_url=base, raise_server_exceptions=False, headers=PAGE, follow_redirects=False)


@pytest.fixture(scope="module")
def output(tmp_path_factory):
    return output_with_sample(tmp_path_factory.mktemp("guarded") / "out")


@pytest.fixture
def anna(output):
    return client(output, reviewer="anna")


def csrf_of(found: TestClient) -> str:
    return re.findall(r'name="csrf" content="([^"]+)"', found.get("/review").text)[0]


def test_every_answer_says_what_a_browser_may_do_with_it(anna) -> None:
    for path in ("/review", "/nosuch", "/static/review.css", "/review/progress", "/signin"):
        headers = anna.get(path).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff" and headers["referrer-policy"] == "same-origin"
        assert headers["cache-control"] in ("no-store", "no-cache")
        assert "server" not in headers


def test_pages_hold_no_inline_script_or_style(anna) -> None:
    for path in ("/review", "/signin", "/nosuch"):
        text = anna.get(path).text
        assert not re.findall(r"<script(?![^>]*\ssrc=)|<style|\sstyle=|\son[a-z]+=|javascript:", text), path


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8765", "127.0.0.1.evil.example", "", "10.0.0.1:8765"])
def test_another_host_than_this_machine_is_refused(anna, host) -> None:
    answer = anna.get("/review", headers={"Host": host})
    assert answer.status_code == 421 and "another name" in answer.text


TWISTED = ("localhost:80/static/x?", "127.0.0.1/static/x?", "localhost:80/signin#", "a@localhost", "[::1", ":80")


@pytest.mark.parametrize("host", TWISTED)
def test_a_host_with_a_path_in_it_lets_nobody_in(output, host) -> None:
    answer = client(output, token=TOKEN).get("/review/progress", headers={"Host": host, "Accept": "*/*"})
    assert answer.status_code == 421, answer.text


@pytest.mark.parametrize("host", ["127.0.0.1:8765", "localhost:8765", "LOCALHOST", "[::1]:8765", "localhost:9000"])
def test_every_name_of_this_machine_is_known(anna, host) -> None:
    assert anna.get("/review", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"])
def test_other_methods_are_refused(anna, method) -> None:
    assert anna.request(method, "/review").status_code == 405


def test_what_changes_something_is_not_to_be_had_by_get(anna) -> None:
    for path in ("verdict", "undo", "back", "next", "reveal"):
        assert anna.get(f"/review/{path}").status_code == 405
    assert anna.get("/signout").status_code == 405


ORIGINS = {
    "no token": {},
    "a wrong token": {"X-CSRF-Token": "x" * 43},
    "a token that is no ASCII": {"X-CSRF-Token": b"\xff\xfe"},
    "another site": {"Origin": "http://evil.example"},
    "another port": {"Origin": "http://127.0.0.1:9000"},
    "no origin at all": {"Origin": "null"},
    "across sites": {"Sec-Fetch-Site": "cross-site"},
    "same site only": {"Sec-Fetch-Site": "same-site"},
}


@pytest.mark.parametrize("kind", ORIGINS)
def test_a_request_from_elsewhere_stores_nothing(anna, kind) -> None:
    headers = ({} if "token" in kind else {"X-CSRF-Token": csrf_of(anna)}) | ORIGINS[kind]
    data = {"row_id": "r0", "date": "2026-01-05", "verdicts": {"offensive": "yes"}}
    answer = anna.post("/review/verdict", json=data, headers=headers)
    assert answer.status_code == 403
    assert (
        anna.get("/review/item?row_id=r0&date=2026-01-05", headers={"Accept": "*/*"}).json()["progress"]["undo"] is None
    )


def test_a_token_of_another_reviewer_is_worth_nothing(output) -> None:
    anna, ben = client(output, reviewer="anna"), client(output, reviewer="ben")
    assert anna.post("/review/next", json={}, headers={"X-CSRF-Token": csrf_of(ben)}).status_code == 403
    assert anna.post("/review/next", json={}, headers={"X-CSRF-Token": csrf_of(anna)}).status_code == 200


@pytest.mark.parametrize("change", ["name", "sign", "cut", "nothing", "text"])
def test_a_cookie_that_we_did_not_sign_is_nobody(output, change) -> None:
    found = client(output)
    found.get("/signin")
    (name,) = [one for one in found.cookies if one.startswith("review_")]
    content, sign = found.cookies[name].split(".")
    other = {
        "name": f"{content[:-4]}AAAA.{sign}",
        "sign": f"{content}.{sign[:-2]}AA",
        "cut": content,
        "nothing": "",
        "text": "é.é",
    }
    found.cookies.clear()
    answer = found.get("/review", headers={"Cookie": f"{name}={other[change]}".encode()})
    assert answer.status_code == 303 and answer.headers["location"] == "/signin"


def test_the_cookie_is_strict_and_out_of_reach_of_scripts(anna) -> None:
    said = anna.get("/review").headers["set-cookie"]
    assert "HttpOnly" in said and "SameSite=Strict" in said and "Path=/" in said
    assert "set-cookie" not in anna.get("/review").headers, "once is enough"
    assert "set-cookie" not in client(anna.app.state.review.output).get("/static/review.css").headers


def test_a_link_from_elsewhere_shows_the_page_to_who_is_signed_in(output) -> None:
    found = client(output)
    answer = found.get("/review?row_id=r1&date=2026-01-06", headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 200 and "set-cookie" not in answer.headers, "whoever is signed in stays so"
    assert 'content="0; url=/review?row_id=r1&amp;date=2026-01-06"' in answer.text
    assert (
        'url=/review"'
        in found.get("http://127.0.0.1:8765//evil.example/x", headers={"Sec-Fetch-Site": "cross-site"}).text
    )


def test_signing_in_and_out_by_the_form(output) -> None:
    found = client(output)
    page = found.get("/signin").text
    assert found.post("/signin", data={"reviewer": "anna"}).status_code == 403
    refused = found.post("/signin", data={"csrf": hidden(page), "reviewer": "<b>anna</b>"})
    assert refused.status_code == 400 and "may not be in a name" in refused.text and "<b>anna" not in refused.text
    done = found.post("/signin", data={"csrf": hidden(page), "reviewer": " anna "})
    assert done.status_code == 303 and row_in(found.get("/review").text)
    page = found.get("/review").text
    assert found.post("/signout", data={"csrf": hidden(page)}).headers["location"] == "/signin"
    assert found.get("/review").headers["location"] == "/signin"


def test_who_signs_out_is_not_signed_in_again_by_the_command_line(anna) -> None:
    page = anna.get("/review").text
    anna.post("/signout", data={"csrf": hidden(page)})
    assert anna.get("/review").status_code == 303


def test_a_new_name_on_the_command_line_replaces_the_old_one_but_not_the_reviewers_own(output) -> None:
    found = client(output, reviewer="anna")
    found.get("/review")
    after = client(output, reviewer="ben")
    after.cookies = found.cookies
    assert 'content="ben"' in after.get("/review").text
    page = client(output)
    page.post("/signin", data={"csrf": hidden(page.get("/signin").text), "reviewer": "cleo"})
    after.cookies = page.cookies
    assert 'content="cleo"' in after.get("/review").text


def test_elsewhere_a_token_is_needed_and_is_in_no_address_afterwards(output) -> None:
    found = client(output, "http://10.1.2.3:8765", host="0.0.0.0")
    token = found.app.state.review.token
    assert len(token) >= 32
    assert found.get("/review").headers["location"] == "/signin"
    assert found.get("/review/progress", headers={"Accept": "*/*"}).status_code == 401
    assert found.get("/?token=wrong").status_code == 403
    entered = found.get(f"/?token={token}")
    assert 'url=/review"' in entered.text and token not in entered.text
    assert found.get("/review").headers["location"] == "/signin", "the name is still asked for"
    page = found.get("/signin").text
    assert 'name="token"' not in page
    found.post("/signin", data={"csrf": hidden(page), "reviewer": "anna"})
    assert found.get("/review").status_code == 200
    assert found.get(f"/?token={token}").status_code == 200
    assert 'content="anna"' in found.get("/review").text, "the address once more asks for no name"


@pytest.mark.parametrize(
    ("host", "status"), [("10.1.2.3:1", 303), ("[fe80::1]:80", 303), ("localhost", 303), ("evil.example", 421)]
)
def test_on_every_interface_numbers_are_known_and_names_of_others_are_not(output, host, status) -> None:
    assert client(output, host="0.0.0.0").get("/review", headers={"Host": host}).status_code == status


def test_bound_to_one_address_only_that_is_known(output) -> None:
    found = client(output, host="10.1.2.3")
    assert found.get("/review", headers={"Host": "10.1.2.3:8765"}).status_code == 303
    assert found.get("/review", headers={"Host": "10.1.2.4:8765"}).status_code == 421


def test_the_token_may_also_be_typed(output) -> None:
    found = client(output, token=TOKEN)
    page = found.get("/signin").text
    form = {"csrf": hidden(page), "reviewer": "anna"}
    assert found.post("/signin", data=form).status_code == 403
    assert found.post("/signin", data=form | {"token": TOKEN[:-1]}).status_code == 403
    assert found.post("/signin", data=form | {"token": TOKEN}).status_code == 303
    assert found.get("/review").status_code == 200


def test_a_name_on_the_command_line_lets_nobody_in_where_a_token_is_needed(output) -> None:
    assert client(output, "http://10.1.2.3:8765", host="0.0.0.0", reviewer="anna").get("/review").status_code == 303
    assert client(output, token=TOKEN, reviewer="anna").get("/review").status_code == 303


def test_cookies_outlive_the_server_but_not_the_token(output) -> None:
    one = client(output, token=TOKEN)
    form = {"csrf": hidden(one.get("/signin").text), "reviewer": "anna", "token": TOKEN}
    one.post("/signin", data=form)
    for token, status in ((TOKEN, 200), (TOKEN.upper(), 303)):
        after = client(output, token=token)
        after.cookies = one.cookies
        assert after.get("/review").status_code == status


def test_bodies_are_bounded_whatever_length_they_say(anna) -> None:
    headers = {"X-CSRF-Token": csrf_of(anna), "Content-Type": "application/json"}
    big = json.dumps({"row_id": "r0", "date": "2026-01-05", "verdicts": {}, "note": "x" * BODY}).encode()
    assert anna.post("/review/verdict", content=big, headers=headers).status_code == 413
    assert anna.post("/review/verdict", content=iter([big]), headers=headers).status_code == 413
    assert anna.post("/review/verdict", content=b"{}", headers=headers | {"Content-Length": "x"}).status_code == 413


BROKEN = {
    "no JSON": (b"{", 400),
    "a list": (b"[]", 415),
    "deep": (b"[" * 30_000, 400),
    "no UTF-8": (b'{"row_id": "\xff"}', 400),
    "half a surrogate": (b'{"row_id": "\\ud800", "date": "2026-01-05", "verdicts": {"offensive": "yes"}}', 404),
    "no row": (b'{"verdicts": {"offensive": "yes"}}', 400),
    "a number for a row": (b'{"row_id": 1, "date": "2026-01-05"}', 400),
    "words that are no object": (b'{"row_id": "r0", "date": "2026-01-05", "verdicts": ["yes"]}', 400),
    "another word": (b'{"row_id": "r0", "date": "2026-01-05", "verdicts": {"offensive": "maybe"}}', 400),
    "a word that is an object": (b'{"row_id": "r0", "date": "2026-01-05", "verdicts": {"offensive": {}}}', 400),
    "another label": (b'{"row_id": "r0", "date": "2026-01-05", "verdicts": {"rude": "yes"}}', 400),
    "half a surrogate in a label": (b'{"row_id": "r0", "date": "2026-01-05", "verdicts": {"\\ud800": "yes"}}', 400),
    "half a surrogate in a note": (
        b'{"row_id": "r0", "date": "2026-01-05", "verdicts": {"offensive": "yes"}, "note": "\\ud800"}', 400
    ),
    "a note that is a list": (b'{"row_id": "r0", "date": "2026-01-05", "verdicts": {}, "note": []}', 400),
    "another row": (b'{"row_id": "zz", "date": "2026-01-05", "verdicts": {"offensive": "yes"}}', 404),
}  # fmt: skip


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_request_is_one_line_and_stores_nothing(anna, kind) -> None:
    content, status = BROKEN[kind]
    headers = {"X-CSRF-Token": csrf_of(anna), "Content-Type": "application/json", "Accept": "*/*"}
    answer = anna.post("/review/verdict", content=content, headers=headers)
    assert answer.status_code == status, answer.text
    assert set(answer.json()) == {"message", "hint"} and "Traceback" not in answer.text
    assert anna.get("/review/progress").json()["undo"] is None


def test_forms_and_json_are_all_that_is_read(anna) -> None:
    headers = {"X-CSRF-Token": csrf_of(anna), "Content-Type": "multipart/form-data; boundary=x"}
    assert anna.post("/review/verdict", content=b"--x--", headers=headers).status_code == 415


def test_no_path_of_a_request_reaches_the_disk(anna) -> None:
    for path in ("../app.py", "..%2fapp.py", "%2e%2e%2fapp.py", "/etc/passwd", "review.css/..", ".", "..", ""):
        answer = anna.get(f"/static/{path}")
        assert answer.status_code in (303, 404), path
    assert anna.get("/static/review.css").status_code == 200


def test_what_goes_wrong_inside_is_one_line_without_a_trace(output, monkeypatch, caplog) -> None:
    found = client(output, reviewer="anna")
    monkeypatch.setattr(found.app.state, "queue", object())
    answer = found.get("/review")
    assert answer.status_code == 500 and "Traceback" not in answer.text and "AttributeError" not in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "AttributeError" in caplog.text, "the terminal has it"


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    """A run whose every text is hostile: bodies, subreddits, authors, entity types, rules."""
    from tests.review import reviewed_run

    rows = reviewed_run.rows_of(len(HOSTILE))
    for one, text in zip(rows, HOSTILE, strict=True):
        span = {
            "start": 0,
            "end": max(1, len(text) // 2),
            "type": text[:80],
            "text": text[: max(1, len(text) // 2)],
            "score": 0.9,
        }
        one |= {
            "body": text,
            "subreddit": text,
            "entities": [span],
            "rules": [text],
            "action": text[:50],
            "severity": text[:50],
        }
    output = tmp_path_factory.mktemp("hostile") / "out"
    output.mkdir()
    reviewed_run.published(output, rows, reviewed_run.RUN)
    reviewed_run.draw(output, rows)
    return output


def test_hostile_texts_are_shown_and_do_nothing(hostile) -> None:
    found = client(hostile, reviewer="anna")
    headers = {"X-CSRF-Token": csrf_of(found), "Accept": "*/*"}
    for number in range(len(HOSTILE)):
        key = {"row_id": f"r{number}", "date": f"2026-01-0{5 + number % 2}"}
        check_harmless(found.get("/review", params=key).text)
        shown = found.post("/review/reveal", json=key, headers=headers).json()
        assert shown["row_id"] == key["row_id"]
        check_harmless(shown["item"])


def test_hostile_words_names_and_addresses_do_nothing(hostile) -> None:
    found = client(hostile, reviewer="anna")
    headers = {"X-CSRF-Token": csrf_of(found), "Accept": "text/html"}
    key = {"row_id": "r0", "date": "2026-01-05"}
    for text in INJECTIONS:
        row = {"row_id": text, "date": text}
        bodies: list[tuple[str, dict[str, Any]]] = [
            ("verdict", key | {"verdicts": {"offensive": "yes"}, "note": text}),
            ("verdict", key | {"verdicts": {text: "yes"}}),
            ("verdict", key | {"verdicts": {"offensive": text}}),
            ("verdict", row | {"verdicts": {"offensive": "yes"}}),
            ("undo", {"undo": text}),
            *((path, row) for path in ("back", "next", "reveal")),
        ]
        for path, body in bodies:
            answer = found.post(f"/review/{path}", json=body, headers=headers)
            assert answer.status_code in (200, 400, 404), (path, body, answer.text)
            check_harmless(answer.json()["item"] if answer.status_code == 200 else answer.text)
        for path in (
            f"/review?row_id={quote(text)}&date={quote(text)}",
            f"/{quote(text)}",
            f"/static/{quote(text, '')}",
        ):
            answer = found.get(path)
            assert answer.status_code in (303, 400, 404), (path, answer.status_code)
            check_harmless(answer.text)
            assert "evil" not in answer.headers.get("location", "")
        for path in ("/review/item?row_id=", "/jobs/", "/signin?next=", "/?token="):
            answer = found.get(path + quote(text, ""))
            assert answer.status_code in (200, 303, 400, 404), (path, text)
            check_harmless(answer.text if answer.text.startswith("<") else "")


@pytest.mark.parametrize("text", INJECTIONS, ids=range(len(INJECTIONS)))
def test_a_hostile_name_is_refused_or_shown_harmlessly(hostile, text) -> None:
    found = client(hostile)
    answer = found.post("/signin", data={"csrf": hidden(found.get("/signin").text), "reviewer": text})
    assert answer.status_code in (303, 400)
    check_harmless(answer.text)
    if answer.status_code == 303:
        check_harmless(found.get("/review").text)


def test_every_note_is_kept_as_it_was_written(hostile) -> None:
    from moderation.audit.verdicts import verdicts

    found = client(hostile, reviewer="zoe")
    headers = {"X-CSRF-Token": csrf_of(found), "Accept": "*/*"}
    kept = [text for text in INJECTIONS if len(text) <= 2000 and not re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f]", text)]
    for text in kept:
        data = {"row_id": "r1", "date": "2026-01-06", "verdicts": {"insult": "no"}, "note": text}
        answer = found.post("/review/verdict", json=data, headers=headers)
        assert answer.status_code == 200
        check_harmless(answer.json()["item"])
    folder = found.app.state.review.folder
    assert [one.note for one in verdicts(folder) if one.reviewer == "zoe"] == kept
