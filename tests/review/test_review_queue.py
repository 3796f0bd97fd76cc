"""The queue gives out rows as `audit second` says, keeps them for who has them, and stores every word once."""

import sqlite3
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from moderation.audit.design import SampleFolder
from moderation.audit.second import set_second_share, to_do
from moderation.audit.verdict import Verdict
from moderation.audit.verdict_store import VERSION, for_reading, for_writing
from moderation.audit.verdicts import append, disagreements, settled, verdicts
from moderation.errors import UsageError
from moderation.review.pages import Refused
from moderation.review.queue import Queue, View
from moderation.review.state import Key
from tests.audit.drawn_by_hand import THRESHOLDS, sample_by_hand

ALL = dict.fromkeys(THRESHOLDS, "no")


def queue_on(folder: SampleFolder, lease: float = 1800) -> Queue:
    design = folder.read_design()
    with for_writing(folder) as store:
        keys = store.execute("SELECT row_id, date FROM sampled ORDER BY place").fetchall()
    return Queue(folder, design, keys, lease)


@pytest.fixture
def folder(tmp_path) -> SampleFolder:
    found = sample_by_hand(tmp_path)
    set_second_share(found, 0)
    return found


@pytest.fixture
def queue(folder):
    found = queue_on(folder)
    yield found
    found.store.close()


def words_in(folder: SampleFolder) -> list[tuple[str, str, str, str]]:
    return [(one.row_id, one.label, one.reviewer, one.verdict) for one in verdicts(folder)]


def now_at(queue: Queue, name: str) -> Key:
    key = queue.current(name).key
    assert key
    return key


def test_the_first_row_comes_first_and_a_reload_gives_the_same(queue) -> None:
    assert [now_at(queue, "anna") for _ in range(3)] == [("r0", "2026-01-01")] * 3


def test_a_word_is_stored_and_the_row_stays_until_every_label_has_one(queue, folder) -> None:
    key = now_at(queue, "anna")
    found = queue.say("anna", key, {"insult": "yes"}, "rude")
    assert (found.key, found.done, found.words, found.note) == (key, False, {"insult": "yes"}, "rude")
    assert [(one.verdict, one.note) for one in verdicts(folder)] == [("yes", "rude")]
    found = queue.say("anna", key, {"threat": "no", "identity_attack": "unsure"})
    assert (found.key, found.done) == (("r1", "2026-01-02"), True)
    assert len(verdicts(folder)) == 3


def test_a_retry_of_what_was_stored_stores_nothing_and_goes_on(queue, folder) -> None:
    key = now_at(queue, "anna")
    first = queue.say("anna", key, ALL)
    again = queue.say("anna", key, ALL)
    assert again.key == first.key == ("r1", "2026-01-02") and len(verdicts(folder)) == 3


def test_a_correction_is_a_new_entry_and_shows_the_row_again(queue, folder) -> None:
    key = now_at(queue, "anna")
    queue.say("anna", key, ALL)
    found = queue.say("anna", key, {"insult": "yes"})
    assert (found.key, found.words["insult"], found.message) == (key, "yes", "corrected")
    assert len(verdicts(folder)) == 4
    assert queue.next("anna", key).key == ("r1", "2026-01-02")


def test_a_note_alone_goes_with_the_words_that_are_there(queue, folder) -> None:
    key = now_at(queue, "anna")
    with pytest.raises(Refused, match="say one first"):
        queue.say("anna", key, {}, "a note")
    queue.say("anna", key, {"insult": "yes"})
    assert queue.say("anna", key, {}, "a note").note == "a note"
    assert [(one.verdict, one.note) for one in verdicts(folder)] == [("yes", ""), ("yes", "a note")]


def test_a_note_stays_until_another_is_given(queue, folder) -> None:
    key = now_at(queue, "anna")
    queue.say("anna", key, {"insult": "yes"}, "first")
    assert queue.say("anna", key, {"threat": "no"}).note == "first"
    queue.say("anna", key, {"insult": "yes"})
    assert len(verdicts(folder)) == 2, "a retry without a note"
    assert queue.say("anna", key, {"identity_attack": "no"}, "").note == ""
    assert [one.note for one in verdicts(folder)] == ["first", "first", ""]


def test_a_word_is_taken_back_by_withdrawing_it(queue, folder) -> None:
    key = now_at(queue, "anna")
    queue.say("anna", key, {"insult": "yes"})
    assert queue.say("anna", key, {"insult": "withdrawn", "threat": "withdrawn"}).words == {}
    assert [one.verdict for one in verdicts(folder)] == ["yes", "withdrawn"]


def test_undo_takes_back_the_words_of_one_moment_and_then_those_before(queue, folder) -> None:
    one = now_at(queue, "anna")
    queue.say("anna", one, {"insult": "yes"})
    two = queue.say("anna", one, {"threat": "no", "identity_attack": "no"}).key
    queue.say("anna", two, ALL)
    found = queue.undo("anna")
    assert (found.key, found.words) == (two, {})
    assert now_at(queue, "anna") == two, "a reload stays there"
    assert queue.undo("anna").words == {"insult": "yes"}
    assert queue.undo("anna").words == {}
    assert queue.undo("anna").message == "nothing to undo"
    assert settled(folder).empty and Counter(one.verdict for one in verdicts(folder)) == Counter(
        {"withdrawn": 6, "no": 5, "yes": 1}
    )


def test_a_word_after_an_undo_counts_and_can_be_undone_too(queue) -> None:
    key = now_at(queue, "anna")
    queue.say("anna", key, {"insult": "yes"})
    queue.undo("anna")
    queue.say("anna", key, {"insult": "yes"})
    assert queue.undo("anna").words == {}


def test_an_undo_that_is_sent_twice_undoes_once(queue) -> None:
    key = now_at(queue, "anna")
    queue.say("anna", key, {"insult": "yes"})
    token = queue.say("anna", key, {"threat": "yes"}).progress["undo"]
    assert queue.undo("anna", token).words == {"insult": "yes"}
    assert queue.undo("anna", token).words == {"insult": "yes"}
    assert queue.progress("anna")["undo"] != token


def test_undo_goes_on_after_a_restart(folder) -> None:
    first = queue_on(folder)
    key = now_at(first, "anna")
    first.say("anna", key, ALL)
    first.store.close()
    second = queue_on(folder)
    assert second.undo("anna").key == key
    second.store.close()


def test_back_and_next_walk_over_what_this_reviewer_judged(queue) -> None:
    walked: list[Key | None] = [now_at(queue, "anna")]
    for _ in range(3):
        key = walked[-1]
        assert key
        walked.append(queue.say("anna", key, ALL).key)
    assert [queue.back("anna", walked[at + 1]).key for at in (2, 1, 0)] == walked[2::-1]
    assert queue.back("anna", walked[0]).message == "this is the first"
    assert [queue.next("anna", walked[at]).key for at in range(3)] == walked[1:]
    assert queue.back("ben", None).key == ("r4", "2026-01-02"), "who judged nothing is where they were"


def test_two_reviewers_get_different_rows_until_the_last(queue) -> None:
    seen: list[Key] = []
    while keys := [key for name in ("anna", "ben", "cleo") if (key := queue.current(name).key)]:
        assert len(set(keys)) == len(keys)
        for name in ("anna", "ben", "cleo"):
            if key := queue.current(name).key:
                seen.append(key)
                queue.say(name, key, ALL)
    assert sorted(seen) == sorted(queue.store.keys)


def test_a_row_for_two_goes_to_two_and_no_third(folder) -> None:
    set_second_share(folder, 1)
    queue = queue_on(folder)
    keys = [now_at(queue, name) for name in ("anna", "ben", "cleo", "dan")]
    assert keys == [("r0", "2026-01-01")] * 2 + [("r1", "2026-01-02")] * 2
    queue.say("anna", keys[0], ALL)
    assert now_at(queue, "eve") == ("r2", "2026-01-03"), "ben still has the first"
    queue.store.close()


def test_a_disagreement_waits_for_one_third_at_a_time(folder) -> None:
    append(folder, [Verdict("r5", label, "anna", "yes") for label in THRESHOLDS])
    append(folder, [Verdict("r5", label, "ben", "no") for label in THRESHOLDS])
    append(folder, [Verdict(f"r{at}", label, "cleo", "no") for label in THRESHOLDS for at in range(8) if at != 5])
    queue = queue_on(folder)
    found = queue.current("cleo")
    assert found.key == ("r5", "2026-01-03") and found.third and found.words == {}
    assert queue.current("dan").key is None and queue.current("anna").key is None
    queue.say("cleo", found.key, ALL)
    assert disagreements(folder).empty and queue.current("dan").key is None
    queue.store.close()


def test_a_lease_that_ran_out_frees_the_row_and_a_late_word_is_stored_and_told(folder) -> None:
    queue = queue_on(folder, lease=0.3)
    key = now_at(queue, "anna")
    assert now_at(queue, "ben") != key
    time.sleep(0.35)
    assert now_at(queue, "cleo") == key
    late = queue.say("anna", key, ALL)
    assert late.message.startswith("another reviewer has this text now; what you say of it is stored")
    assert ("r0", "insult", "anna", "no") in words_in(folder)
    assert late.key not in (None, key)
    assert now_at(queue, "cleo") != key, "it needs no second word"
    queue.store.close()


def test_every_request_on_a_row_keeps_it_longer(folder) -> None:
    queue = queue_on(folder, lease=0.6)
    key = now_at(queue, "anna")
    for label in THRESHOLDS:
        time.sleep(0.3)
        assert now_at(queue, "ben") != key
        queue.say("anna", key, {label: "no"})
    queue.store.close()


def test_who_signs_out_gives_the_row_back(queue) -> None:
    key = now_at(queue, "anna")
    assert now_at(queue, "ben") != key
    queue.sign_out("anna")
    assert now_at(queue, "cleo") == key


def test_a_row_that_is_asked_for_is_shown_and_told_where_another_has_it(queue) -> None:
    queue.current("anna")
    found = queue.current("ben", ("r0", "2026-01-01"))
    assert found.key == ("r0", "2026-01-01") and "another reviewer has this text now" in found.message
    found = queue.current("ben", ("r6", "2026-01-01"))
    assert (found.key, found.message) == (("r6", "2026-01-01"), "")
    assert now_at(queue, "ben") == ("r6", "2026-01-01")
    with pytest.raises(Refused, match="no such row"):
        queue.current("ben", ("r0", "2026-01-02"))


def test_who_looked_at_the_scores_is_noted_once_for_ever(queue, folder) -> None:
    key = now_at(queue, "anna")
    assert not queue.current("anna").revealed
    assert queue.reveal("anna", key).revealed and queue.reveal("anna", key).revealed
    assert not queue.current("ben", key).revealed
    with for_reading(folder) as store:
        assert store and store.execute("SELECT row_id, reviewer FROM reveals").fetchall() == [("r0", "anna")]
    with sqlite3.connect(folder.verdicts) as other, pytest.raises(sqlite3.IntegrityError, match="append-only"):
        other.execute("DELETE FROM reveals")


@pytest.mark.parametrize(
    ("words", "message"), [({"rude": "no"}, "none of the run's"), ({"insult": "no", "rude": "no"}, "none of the run's")]
)
def test_what_cannot_be_stored_is_refused_whole(queue, folder, words, message) -> None:
    key = now_at(queue, "anna")
    with pytest.raises(UsageError, match=message):
        queue.say("anna", key, words)
    with pytest.raises(UsageError, match="note of 2001 letters"):
        queue.say("anna", key, ALL, "x" * 2001)
    assert verdicts(folder) == [] and queue.current("anna").words == {}


def test_words_that_others_store_are_seen_at_the_next_request(queue, folder) -> None:
    queue.current("anna")
    append(folder, [Verdict("r0", label, "ben", "no") for label in THRESHOLDS])
    assert now_at(queue, "anna") == ("r1", "2026-01-02")
    assert queue.progress("anna")["done"] == 1
    set_second_share(folder, 1)
    assert now_at(queue, "cleo") == ("r0", "2026-01-01")


def test_progress_counts_what_it_says(queue, folder) -> None:
    for name in ("anna", "ben", "anna"):
        queue.say(name, now_at(queue, name), ALL)
    found = queue.progress("anna")
    assert (found["mine"], found["done"], found["total"], found["left"]) == (2, 3, 8, 5)


def test_the_pace_leaves_breaks_out(folder) -> None:
    start = datetime.now(UTC) - timedelta(hours=3)
    for number, seconds in enumerate((0, 3, 6, 9, 3600, 3603)):
        moment = (start + timedelta(seconds=seconds)).isoformat()
        append(folder, [Verdict(f"r{number}", label, "anna", "no", time=moment) for label in THRESHOLDS])
    queue = queue_on(folder)
    assert queue.progress("anna")["per_minute"] == 20 and queue.progress("ben")["per_minute"] is None
    queue.store.close()


def test_a_store_of_version_1_is_read_as_it_is_and_migrated_when_it_is_written(folder) -> None:
    append(folder, [Verdict("r0", "insult", "anna", "yes")])
    with sqlite3.connect(folder.verdicts) as old:
        for table in ("leases", "reveals"):
            old.execute(f"DROP TABLE {table}")
        old.execute("PRAGMA user_version = 1")
    assert len(verdicts(folder)) == 1
    with for_reading(folder) as store:
        assert store and store.execute("PRAGMA user_version").fetchone() == (1,)
    threads = [threading.Thread(target=append, args=(folder, [Verdict("r1", "insult", "ben", "no")])) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(verdicts(folder)) == 2
    with for_reading(folder) as store:
        assert store and store.execute("PRAGMA user_version").fetchone() == (VERSION,)
    queue = queue_on(folder)
    assert queue.current("anna").words == {"insult": "yes"}
    queue.store.close()


STEP = st.tuples(
    st.sampled_from(["anna", "ben", "cleo"]),
    st.integers(0, 5),
    st.sampled_from([*THRESHOLDS, "all"]),
    st.sampled_from(["yes", "no", "unsure", "withdrawn"]),
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEP, max_size=25), share=st.sampled_from([0.0, 0.4, 1.0]))
def test_the_queue_says_the_same_as_audit_second_and_settled(tmp_path_factory, steps, share) -> None:
    folder = sample_by_hand(tmp_path_factory.mktemp("agree"), rows=6)
    set_second_share(folder, share)
    queue = queue_on(folder)
    for name, row, label, word in steps:
        labels = list(THRESHOLDS) if label == "all" else [label]
        append(folder, [Verdict(f"r{row}", one, name, word) for one in labels])
    with queue.store.using(writes=False):
        standing = queue.store.standing
        for name in ("anna", "ben", "cleo", "dan"):
            told = [(row.row_id, row.date) for row in to_do(folder, name).itertuples()]
            assert list(standing.to_do(name, {})) == told
            assert standing.progress(name)["left"] == len(told)
        disputed = {(row.row_id, row.date) for row in disagreements(folder).itertuples()}
        assert {key for key, row in standing.rows.items() if row.disputed} == disputed
        counts = +standing.counts
        standing.count_anew()
        assert counts == +standing.counts, "counted as they came, and all at once"
    queue.store.close()


def test_twenty_threads_lose_and_double_nothing_and_never_share_a_row(tmp_path) -> None:
    folder = sample_by_hand(tmp_path, rows=120)
    set_second_share(folder, 0)
    queues = [queue_on(folder), queue_on(folder)]
    held: dict[Key, str] = {}
    guard, shared = threading.Lock(), list[Any]()

    def review(name: str) -> int:
        queue, done = queues[len(name) % 2], 0
        found: View = queue.current(name)
        while found.key:
            with guard:
                shared.extend([] if held.setdefault(found.key, name) == name else [found.key])
            found = queue.say(name, found.key, ALL)
            done += 1
        return done

    with ThreadPoolExecutor(20) as pool:
        done = sum(pool.map(review, [f"{'r' * (1 + at % 2)}{at}" for at in range(20)]))
    assert done == 120 and shared == []
    assert Counter(words_in(folder)).most_common(1)[0][1] == 1 and len(words_in(folder)) == 360
    for queue in queues:
        queue.store.close()
