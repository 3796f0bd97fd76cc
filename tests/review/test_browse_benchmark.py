"""benchmarks/browse_rows.py makes a run in which every one of its questions finds something."""

from benchmarks.browse_rows import QUESTIONS, measured, write_run
from moderation.audit.published import find_run
from moderation.review.browse_index import make_index
from moderation.review.browse_query import open_index


def test_the_made_up_run_is_indexed_and_answers_every_question(tmp_path) -> None:
    write_run(tmp_path, 20_000, texts=100)
    make_index(tmp_path, "latest")
    index = open_index(tmp_path, find_run(tmp_path, "latest"))
    assert index is not None
    found = {name: measured(index, wanted)[0] for name, wanted in QUESTIONS.items()}
    assert found["all rows"] == 20_000 > found["flagged rows"] > found["a label"] > found["a rare label"] > 0
    assert found["a subreddit"] and found["a score band"] and found["the highest of a score, of all"] == 20_000
