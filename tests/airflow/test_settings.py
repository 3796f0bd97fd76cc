"""Mistakes in the settings: one line, when the DAGs are parsed."""

import json
from typing import Any

import pytest
from conftest import DAGS
from moderation_dags.settings import SettingsError, parse_settings, read_settings

GOOD = {"dump": "/dumps/RC_{date:%Y-%m}.zst", "output": "/moderated"}


def test_a_template_gives_the_path_of_a_day() -> None:
    import datetime

    settings = parse_settings(json.dumps(GOOD))
    assert str(settings.dump_of(datetime.date(2006, 1, 5))) == "/dumps/RC_2006-01.zst"
    assert str(settings.ingested) == "/comments"


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"outptu": "/x"}, "unknown setting 'outptu'; one of dump, output"),
        ({"dump": None}, "'dump' is missing: a day's dump"),
        ({"dump": "/dumps/{day}.zst"}, "'dump' has a name that is not 'date': /dumps/{day}.zst"),
        ({"dump": "/dumps/{date"}, "'dump'"),
        ({"retries": -1}, "'retries' Input should be greater than or equal to 0"),
        ({"retries": "many"}, "'retries' Input should be a valid integer"),
    ],
)
def test_a_mistake_is_one_line_that_names_the_key(changed: dict[str, Any], message: str) -> None:
    values = {name: value for name, value in (GOOD | changed).items() if value is not None}
    with pytest.raises(SettingsError) as raised:
        parse_settings(json.dumps(values))
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)
    assert str(raised.value).startswith("Airflow Variable 'moderation': ")


def test_a_mistake_is_shown_as_the_dags_import_error(monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.dag_processing.dagbag import DagBag

    monkeypatch.setenv("AIRFLOW_VAR_MODERATION", json.dumps(GOOD | {"outptu": "/x"}))
    errors = DagBag(str(DAGS), load_op_links=False).import_errors
    assert len(errors) == 5
    assert all("unknown setting 'outptu'" in error for error in errors.values())


def test_a_missing_variable_says_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AIRFLOW_VAR_MODERATION", raising=False)
    with pytest.raises(SettingsError, match="give it a JSON object with at least 'dump' and 'output'"):
        read_settings()
