"""The command line: what it prints, and one clear line with exit code 2 for each mistake."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.commands import ROOT, moderation, run
from tests.dumps import comment, read_rows, write_dump

COMMANDS = (
    *("run", "score", "config", "demo", "finetune", "adapt", "functional", "evaluate", "calibrate", "bench"),
    "review",
)


def mistake(*arguments: object, folder: Path | None = None, **environment: str) -> str:
    """The line that a mistaken command prints; there is nothing else, and the exit code is 2."""
    done = moderation(*arguments, folder=folder, **environment)
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    return line


@pytest.fixture
def dump(tmp_path) -> Path:
    return write_dump(tmp_path / "dump.parquet", [comment("1", "hello there")])


def test_help_names_every_command_and_the_exit_codes() -> None:
    done = moderation("--help")
    assert done.returncode == 0
    for word in (*COMMANDS, "--config", "validation refused"):
        assert word in " ".join(done.stdout.split())


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command) -> None:
    done = moderation(command, "--help")
    assert done.returncode == 0
    assert "--" in done.stdout


def test_version_says_which_version_and_which_python() -> None:
    done = moderation("--version")
    assert re.fullmatch(r"moderation (\d+\.\d+\.\d+|not installed) \(Python 3\.\d+\.\d+, .+\)\n", done.stdout)
    assert sys.executable in done.stdout


@pytest.mark.parametrize(("option", "url"), [("--input", "s3://bucket/dump"), ("--output", "hdfs://name:8020/dump")])
def test_a_url_is_refused_and_makes_no_folder(option, url, tmp_path, dump) -> None:
    said = mistake("run", "--input", dump, option, url, folder=tmp_path)
    assert f"{option[2:]}: must be a path that every machine of the run has mounted, no URL" in said
    assert list(tmp_path.iterdir()) == [dump]


def test_help_loads_none_of_the_heavy_packages() -> None:
    code = (
        "import sys; from moderation.cli import app\n"
        "try: app(['--help'])\n"
        "except SystemExit: print(sorted({'torch','transformers','pyspark','pandas','pyarrow','great_expectations'}"
        " & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_config_shows_what_file_environment_and_options_resolve_to(tmp_path) -> None:
    (tmp_path / "c.yaml").write_text("output: from-file\nprecision: fp32\ncolumns: {body: text}\n")
    done = moderation(
        "config",
        "--config",
        tmp_path / "c.yaml",
        "--input",
        "a",
        MODERATION_OUTPUT="from-env",
        MODERATION_COLUMNS__ID="k",
    )
    shown = yaml.safe_load(done.stdout)
    assert (shown["input"], shown["output"], shown["precision"]) == (["a"], "from-env", "fp32")
    assert shown["columns"] == {"id": "k", "body": "text", "created_utc": "created_utc"}


def test_a_missing_input_is_named(tmp_path) -> None:
    assert "does/not/exist: no such file" in mistake(
        "run", "--input", "does/not/exist", "--output", "x", folder=tmp_path
    )
    assert not (tmp_path / "x").exists()


def test_an_empty_folder_is_named(tmp_path) -> None:
    assert "holds no .parquet file" in mistake("run", "--input", tmp_path, "--output", tmp_path / "x")


def test_a_dump_without_a_text_column_is_named(tmp_path) -> None:
    path = write_dump(tmp_path / "a.parquet", [{"id": "1", "words": "x"}])
    assert "no column 'body'" in mistake("run", "--input", path, "--output", tmp_path / "x")


def test_an_unknown_config_key_is_named(tmp_path, dump) -> None:
    (tmp_path / "c.yaml").write_text("polcy: strict.yaml\n")
    line = mistake("run", "--input", dump, "--output", tmp_path / "x", "--config", tmp_path / "c.yaml")
    assert "c.yaml: unknown key 'polcy'" in line


def test_a_threshold_above_one_is_named(tmp_path, dump) -> None:
    (tmp_path / "p.yaml").write_text("thresholds: {insult: 1.5}\n")
    line = mistake("run", "--input", dump, "--output", tmp_path / "x", "--policy", tmp_path / "p.yaml")
    assert "p.yaml: thresholds.insult" in line
    assert "1.5" in line


def test_an_unknown_label_in_the_policy_is_named(tmp_path, dump) -> None:
    (tmp_path / "p.yaml").write_text("thresholds: {rudeness: 0.5}\n")
    line = mistake("run", "--input", dump, "--output", tmp_path / "x", "--policy", tmp_path / "p.yaml")
    assert "unknown label 'rudeness'" in line


def test_a_bad_date_is_named(tmp_path, dump) -> None:
    line = mistake("run", "--input", dump, "--output", tmp_path / "x", "--date", "05.01.2026")
    assert "date" in line
    assert "05.01.2026" in line


def test_a_corrupt_file_is_named(tmp_path) -> None:
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 and then nothing")
    line = mistake("run", "--input", tmp_path / "bad.parquet", "--output", tmp_path / "x")
    assert "bad.parquet: not a readable Parquet file" in line


def test_an_output_that_cannot_be_made_is_named(tmp_path, dump) -> None:
    (tmp_path / "file").write_text("x")
    line = mistake("run", "--input", dump, "--output", tmp_path / "file/out")
    assert "file/out: cannot be made" in line


def test_a_model_that_is_not_there_is_named(tmp_path, dump) -> None:
    assert "model 'nowhere'" in mistake("run", "--input", dump, "--output", tmp_path / "x", "--model", "nowhere")


def test_score_prints_one_json_line_for_each_text(tiny_model) -> None:
    done = moderation("score", "--model", tiny_model, "one", "<b>two</b>\n", "")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["text"] for line in lines] == ["one", "<b>two</b>\n", ""]
    assert [line["status"] for line in lines] == ["scored", "scored", "skipped"]
    assert set(lines[0]["scores"]) >= {"offensive", "insult"}


def test_score_takes_several_models(panel_models) -> None:
    done = moderation("score", "--model", panel_models[0], "--model", panel_models[1], "you fool")
    assert list(json.loads(done.stdout)["scores"]) == ["rude", "kind", "spam"]
    assert "give the label 'rude'" in mistake("score", "--model", panel_models[0], "--model", panel_models[0], "x")


def test_models_of_options_stand_over_those_of_the_environment() -> None:
    arguments = ["config", "--model", "a", "--model", "b"]
    assert yaml.safe_load(moderation(*arguments, MODERATION_MODELS='["c"]').stdout)["models"] == ["a", "b"]
    assert yaml.safe_load(moderation("config", MODERATION_MODELS='["c", "d"]').stdout)["models"] == ["c", "d"]


def test_score_reads_lines_of_a_file_or_of_standard_input(tiny_model, tmp_path) -> None:
    (tmp_path / "texts.txt").write_bytes("früh\r\n\xe2\x98\x83\n".encode() + b"\xff\n")
    from_file = moderation("score", "--model", tiny_model, "--file", tmp_path / "texts.txt").stdout
    assert len(from_file.splitlines()) == 3
    from_input = moderation("score", "--model", tiny_model, text="a\nb\n").stdout
    assert [json.loads(line)["text"] for line in from_input.splitlines()] == ["a", "b"]


def test_score_names_a_file_that_is_not_there() -> None:
    assert "nowhere.txt" in mistake("score", "--file", "nowhere.txt")


@pytest.fixture(scope="module")
def by_command(tiny_model, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("commands")
    rows = [comment(str(number), f"you fool number {number}") for number in range(40)] + [comment(None, "lost")]
    write_dump(folder / "dump.parquet", rows)
    done = moderation("run", "--input", "dump.parquet", "--output", "out", "--model", tiny_model, folder=folder)
    assert done.returncode == 0, done.stderr
    (folder / "stdout").write_text(done.stdout)
    (folder / "stderr").write_text(done.stderr)
    return folder


def test_run_publishes_and_says_where(by_command) -> None:
    output = (by_command / "stdout").read_text()
    assert "rows in" in output
    assert "quarantined" in output
    assert "published  out/labelled" in output
    assert len(read_rows(by_command / "out")) == 40


def test_run_logs_one_structured_line_for_each_stage_and_no_text(by_command) -> None:
    lines = (by_command / "stderr").read_text().splitlines()
    stages = [json.loads(line)["stage"] for line in lines if line.startswith("{")]
    assert stages == ["read", "score", "decide", "validate", "publish"]
    assert not [line for line in lines if "fool" in line]


def test_spark_submit_gives_the_same_result(by_command, tiny_model) -> None:
    job = ROOT / "jobs/moderate.py"
    arguments = ["--input", "dump.parquet", "--output", "submitted", "--model", str(tiny_model)]
    done = run(["spark-submit", "--master", "local[2]", str(job), *arguments], folder=by_command)
    assert done.returncode == 0, done.stderr[-2000:]
    changing = {"run_id"}
    one, other = (
        [{key: value for key, value in row.items() if key not in changing} for row in read_rows(by_command / name)]
        for name in ("out", "submitted")
    )
    assert one == other


def test_spark_submit_passes_the_exit_code_on(tmp_path) -> None:
    done = run(["spark-submit", str(ROOT / "jobs/moderate.py"), "--input", "nowhere"], folder=tmp_path)
    assert done.returncode == 2
    assert "nowhere: no such file" in done.stdout + done.stderr  # spark-submit sends both to its standard output


def test_a_refused_run_exits_with_3_and_lists_the_reasons(tiny_model, tmp_path) -> None:
    write_dump(tmp_path / "dump.parquet", [comment("1", "one"), comment("1", "two")])
    done = moderation("run", "--input", "dump.parquet", "--output", "out", "--model", tiny_model, folder=tmp_path)
    assert done.returncode == 3
    assert "refused to publish" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out/labelled").exists()
