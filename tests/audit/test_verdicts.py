"""The verdict store keeps every word that was said, refuses what was never sampled, and settles by a stated rule."""

import multiprocessing
import os
import signal
import sqlite3
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread
from time import perf_counter

import pytest

from moderation.audit.design import SampleFolder
from moderation.audit.verdict import Verdict
from moderation.audit.verdict_store import checked, for_writing
from moderation.audit.verdicts import add, append, disagreements, settled, verdicts
from moderation.errors import UsageError
from tests.audit.drawn_by_hand import sample_by_hand


def said(row: int, word: str, reviewer: str = "Anna", label: str = "insult", **more: str) -> Verdict:
    return Verdict(f"r{row}", label, reviewer, word, **more)


def words_of(folder) -> dict[tuple[str, str], str]:
    return {(row.row_id, row.label): row.verdict for row in settled(folder).itertuples()}


def test_a_stored_verdict_is_read_back_with_its_date_and_a_time(tmp_path) -> None:
    folder = sample_by_hand(tmp_path)
    before = datetime.now(UTC)
    assert append(folder, [said(1, "yes", note="plain: an insult\nsecond line")]) == 1
    (stored,) = verdicts(folder)
    assert (stored.date, stored.note) == ("2026-01-02", "plain: an insult\nsecond line")
    assert before <= datetime.fromisoformat(stored.time) <= datetime.now(UTC)


def test_a_sample_without_verdicts_has_none_and_reading_makes_no_file(tmp_path) -> None:
    folder = sample_by_hand(tmp_path)
    assert verdicts(folder) == [] and settled(folder).empty and disagreements(folder).empty
    assert list(settled(folder).columns) == ["row_id", "date", "label", "verdict"]
    assert not folder.verdicts.exists()


def test_the_last_word_of_each_reviewer_counts_and_most_votes_hold(tmp_path) -> None:
    folder = sample_by_hand(tmp_path)
    append(folder, [said(1, "no"), said(1, "yes"), said(1, "yes", "Ben")])
    append(folder, [said(2, "yes"), said(2, "no", "Ben")])
    append(folder, [said(3, "unsure"), said(4, "unsure"), said(4, "no", "Ben")])
    append(folder, [said(5, "yes"), said(5, "withdrawn")])
    assert words_of(folder) == {("r1", "insult"): "yes", ("r3", "insult"): "unsure", ("r4", "insult"): "no"}
    (waiting,) = disagreements(folder).to_dict("records")
    assert (waiting["row_id"], waiting["yes"], waiting["no"]) == ("r2", "Anna", "Ben")
    append(folder, [said(2, "no", "Cleo")])
    assert words_of(folder)["r2", "insult"] == "no" and disagreements(folder).empty
    assert len(verdicts(folder)) == 11, "what was corrected is still there"


def test_undo_brings_back_nothing_and_a_word_after_it_counts_again(tmp_path) -> None:
    folder = sample_by_hand(tmp_path)
    append(folder, [said(1, "yes")])
    append(folder, [said(1, "withdrawn")])
    assert settled(folder).empty
    append(folder, [said(1, "no")])
    assert words_of(folder) == {("r1", "insult"): "no"}


def test_the_newest_entry_is_the_last_word_also_when_the_clock_went_back(tmp_path) -> None:
    folder = sample_by_hand(tmp_path)
    soon = (datetime.now(UTC) + timedelta(hours=2)).isoformat()
    append(folder, [said(1, "yes", time=soon)])
    append(folder, [said(1, "no")])
    assert words_of(folder) == {("r1", "insult"): "no"}


def test_an_older_file_that_comes_later_is_not_the_last_word(tmp_path) -> None:
    folder = sample_by_hand(tmp_path)
    append(folder, [said(1, "no")])
    append(folder, [said(1, "yes", time="2026-01-05T10:00:00+02:00")])
    assert words_of(folder) == {("r1", "insult"): "no"}
    assert verdicts(folder)[1].time == "2026-01-05T08:00:00.000000+00:00"


def test_the_same_entry_twice_is_stored_once(tmp_path) -> None:
    folder = sample_by_hand(tmp_path)
    entry = said(1, "yes", time="2026-01-05T10:00:00Z")
    assert (append(folder, [entry]), append(folder, [entry, entry])) == (1, 0)
    assert append(folder, [said(1, "yes")]) == 0, "no news"
    assert append(folder, [said(1, "yes", note="why"), said(1, "no"), said(1, "yes")]) == 3
    assert [append(folder, [said(2, "yes", "Ben"), said(2, "no", "Cleo")]) for _ in range(2)] == [2, 0]


BROKEN = {
    "a row that was never sampled": (Verdict("zz", "insult", "Anna", "yes"), "no row with this id is in sample"),
    "a row of another date": (Verdict("r1", "insult", "Anna", "yes", "2026-01-09"), "no row of 2026-01-09"),
    "an unknown label": (said(1, "yes", label="rude"), "label 'rude' is none of the run's: identity_attack"),
    "another word": (said(1, "maybe"), "verdict 'maybe' is none of yes, no, unsure, withdrawn"),
    "markup in a name": (said(1, "yes", "<b>Anna</b>"), "'<' may not be in a name"),
    "a control character in a name": (said(1, "yes", "An\x1bna"), "may not be in a name"),
    "an invisible letter in a name": (said(1, "yes", "An\u200bna"), "may not be in a name"),
    "half a surrogate in a name": (said(1, "yes", "An\ud800na"), "may not be in a name"),
    "no name": (said(1, "yes", ""), "a name has 1 to 100 letters"),
    "a name of spaces": (said(1, "yes", "  "), "no space around"),
    "a very long name": (said(1, "yes", "A" * 101), "a name has 1 to 100 letters"),
    "a long note": (said(1, "yes", note="x" * 2001), "note of 2001 letters"),
    "a control character in a note": (said(1, "yes", note="a\x00b"), "may not be in it"),
    "no time": (said(1, "yes", time="yesterday"), "no ISO 8601 time"),
    "a time to come": (said(1, "yes", time="2999-01-01T00:00:00Z"), "still to come"),
    "a time out of range": (said(1, "yes", time="0001-01-01T00:00:00+23:59"), "no ISO 8601 time"),
    "an id that is no text": (Verdict("\ud800", "insult", "Anna", "yes"), "no valid text"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_one_bad_verdict_is_named_in_one_line_and_nothing_of_its_batch_is_stored(kind, tmp_path) -> None:
    folder = sample_by_hand(tmp_path)
    bad, message = BROKEN[kind]
    with pytest.raises(UsageError) as caught:
        append(folder, [said(1, "yes"), bad, said(2, "no")])
    line = str(caught.value)
    assert message in line and line.startswith("verdict 2 (row") and line.endswith("nothing was stored")
    assert line.isprintable() and verdicts(folder) == []


def test_composed_and_decomposed_letters_are_one_reviewer(tmp_path) -> None:
    folder = sample_by_hand(tmp_path)
    append(folder, [said(1, "no", "Zoe\u0308"), said(1, "yes", "Zo\u00eb")])
    assert {entry.reviewer for entry in verdicts(folder)} == {"Zo\u00eb"}


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE verdicts SET verdict = 'no'",
        "DELETE FROM verdicts",
        "INSERT OR REPLACE INTO verdicts SELECT * FROM verdicts",
        "DELETE FROM sampled",
        "UPDATE labels SET label = 'x'",
    ],
)
def test_stored_verdicts_cannot_be_changed_by_any_program(statement, tmp_path) -> None:
    folder = sample_by_hand(tmp_path)
    append(folder, [said(1, "yes")])
    with sqlite3.connect(folder.verdicts) as other, pytest.raises(sqlite3.IntegrityError, match="append-only"):
        other.execute(statement)
    assert [entry.verdict for entry in verdicts(folder)] == ["yes"]


def review(path: Path, reviewer: str, rows: int) -> None:
    for number in range(rows):
        append(SampleFolder(path), [said(number % 8, "yes", reviewer, note=str(number))])


def test_four_processes_at_once_lose_and_double_nothing(tmp_path) -> None:
    folder = sample_by_hand(tmp_path)
    context = multiprocessing.get_context("fork")
    names = ("Anna", "Ben", "Cleo", "Dan")
    working = [context.Process(target=review, args=(folder.path, name, 25)) for name in names]
    for process in working:
        process.start()
    for process in working:
        process.join(60)
    assert [process.exitcode for process in working] == [0] * 4
    notes = {name: [entry.note for entry in verdicts(folder) if entry.reviewer == name] for name in names}
    assert notes == {name: [str(number) for number in range(25)] for name in names}


def test_a_store_made_by_another_while_it_is_opened_is_not_taken_for_another_programs(tmp_path) -> None:
    folder = sample_by_hand(tmp_path)
    other = Thread(target=lambda: append(folder, [said(1, "yes", "Ben")]))
    store = sqlite3.connect(folder.verdicts, timeout=10, isolation_level=None)

    def another_comes_first(statement: str) -> None:
        if "user_version" in statement and not other.ident:
            other.start()
            other.join(0.5)  # it may have to wait for this one

    store.set_trace_callback(another_comes_first)
    checked(store, folder.verdicts)
    store.close()
    other.join(60)
    assert [entry.reviewer for entry in verdicts(folder)] == ["Ben"]


def dies_while_it_stores(path: Path) -> None:
    def more() -> Iterator[Verdict]:
        yield said(2, "yes")
        os.kill(os.getpid(), signal.SIGKILL)

    append(SampleFolder(path), [said(1, "yes")])
    append(SampleFolder(path), more())


def test_a_process_killed_while_it_stores_keeps_all_before_and_nothing_of_it(tmp_path) -> None:
    folder = sample_by_hand(tmp_path)
    process = multiprocessing.get_context("fork").Process(target=dies_while_it_stores, args=(folder.path,))
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    assert [entry.row_id for entry in verdicts(folder)] == ["r1"]
    assert append(folder, [said(2, "no")]) == 1


def test_a_writer_that_holds_the_file_too_long_is_said_and_nothing_is_lost(tmp_path, monkeypatch) -> None:
    folder = sample_by_hand(tmp_path)
    append(folder, [said(1, "yes")])
    monkeypatch.setattr("moderation.audit.verdict_store.WAIT", 0.2)
    other = sqlite3.connect(folder.verdicts, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(UsageError, match=r"another process held it.*nothing was stored, try again"):
        append(folder, [said(2, "yes")])
    assert len(verdicts(folder)) == 1, "readers do not wait for a writer"
    other.close()
    assert append(folder, [said(2, "yes")]) == 1


def test_damage_is_said_with_the_file_and_what_to_do(tmp_path) -> None:
    folder = sample_by_hand(tmp_path)
    append(folder, [said(number % 8, "yes", note="x" * 1500 + str(number)) for number in range(40)])
    content = bytearray(folder.verdicts.read_bytes())
    for start in range(4096, len(content), 4096):
        content[start : start + 64] = b"\xff" * 64
    folder.verdicts.write_bytes(content)
    for act in (lambda: verdicts(folder), lambda: append(folder, [said(1, "no")])):
        with pytest.raises(UsageError, match=r"verdicts\.sqlite: is damaged .*nothing was written.*\.recover"):
            act()
    assert folder.verdicts.read_bytes() == bytes(content), "a damaged file is left as it is"


@pytest.mark.parametrize(("content", "message"), [(b"no database" * 100, "is damaged"), (b"", None)])
def test_a_file_that_is_no_database_is_refused_and_an_empty_one_is_a_new_store(content, message, tmp_path) -> None:
    folder = sample_by_hand(tmp_path)
    folder.verdicts.write_bytes(content)
    if message is None:
        assert verdicts(folder) == [] and append(folder, [said(1, "yes")]) == 1
        return
    with pytest.raises(UsageError, match=message):
        append(folder, [said(1, "yes")])


def test_another_programs_database_and_a_newer_format_are_refused(tmp_path) -> None:
    folder = sample_by_hand(tmp_path)
    with sqlite3.connect(folder.verdicts) as other:
        other.execute("CREATE TABLE bookmarks (url TEXT)")
    with pytest.raises(UsageError, match="another program's"):
        verdicts(folder)
    folder.verdicts.unlink()
    append(folder, [said(1, "yes")])
    with sqlite3.connect(folder.verdicts) as other:
        other.execute("PRAGMA user_version = 99")
    with pytest.raises(UsageError, match="newer version of this tool"):
        append(folder, [said(2, "yes")])


def test_a_store_copied_from_another_sample_is_refused(tmp_path) -> None:
    one, two = sample_by_hand(tmp_path), sample_by_hand(tmp_path, sample_id="ba9876543210", run_id="other")
    append(one, [said(1, "yes")])
    two.verdicts.write_bytes(one.verdicts.read_bytes())
    with pytest.raises(UsageError, match="holds verdicts of sample 0123456789ab, not of ba9876543210"):
        append(two, [said(2, "yes")])


def as_somebody_else(path: Path, told: "multiprocessing.Queue[str]") -> None:
    if os.getuid() == 0:
        os.setuid(65534)  # root may write everywhere
    told.put(str(len(verdicts(SampleFolder(path)))))
    try:
        append(SampleFolder(path), [said(2, "yes")])
    except UsageError as error:
        told.put(str(error))


@pytest.mark.parametrize("what", ["file", "folder and file"])
def test_a_read_only_store_is_read_and_a_write_is_refused_with_one_line(what) -> None:
    with tempfile.TemporaryDirectory() as place:  # pytest's own folders are closed to other users
        Path(place).chmod(0o755)
        folder = sample_by_hand(Path(place))
        append(folder, [said(1, "yes")])
        folder.verdicts.chmod(0o444)
        folder.path.chmod(0o777 if what == "file" else 0o555)
        context = multiprocessing.get_context("fork")
        told = context.Queue()
        process = context.Process(target=as_somebody_else, args=(folder.path, told))
        process.start()
        count, line = told.get(timeout=60), told.get(timeout=60)
        process.join(60)
        folder.path.chmod(0o755)
        assert count == "1" and "may not write there; nothing was stored, and what was stored before" in line
        assert len(verdicts(folder)) == 1


def test_a_verdict_into_an_open_store_takes_milliseconds(tmp_path) -> None:
    folder = sample_by_hand(tmp_path)
    start = perf_counter()
    with for_writing(folder) as store:
        for number in range(200):
            add(store, folder, [said(number % 8, "yes", note=str(number))])
    assert perf_counter() - start < 10
    assert len(verdicts(folder)) == 200
