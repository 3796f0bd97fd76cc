"""Asks Great Expectations whether a run may be published, and keeps the answer as Data Docs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from moderation.config import GateSettings
from moderation.quality.expectations import Validator, import_ahead, validator
from moderation.quality.ids import defective
from moderation.quality.pages import write_report
from moderation.quality.quarantine import quarantine_view
from moderation.quality.report import Check, Outcome, outcome, read_check
from moderation.quality.shares import Measured, measure, notes
from moderation.quality.shift import Acceptance, found, limit_parameters, shift_rules
from moderation.quality.suites import Rule, read_suites
from moderation.quality.view import Vocabulary, column_types, gate_view
from moderation.resources import schemas

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

Suites = dict[str, dict[str, list[Rule]]]
QUARANTINE = "quarantine."  # before the names of its columns, where they stand beside the labelled frame's


@dataclass(frozen=True)
class History:
    """What a run's shares are judged by: its own manifest so far, all manifests of the output, and the limits."""

    manifest: Mapping[str, Any]
    manifests: Sequence[Mapping[str, Any]]
    settings: GateSettings


def validate(
    labelled: DataFrame,
    *,
    vocabulary: Vocabulary,
    expected_rows: int,
    published_ids: DataFrame | None,
    docs: Path,
    run_id: str,
    quarantined: DataFrame | None = None,
    quarantined_rows: int = 0,
    history: History | None = None,
    accepted: Acceptance | None = None,
    suites: Path | None = None,
) -> Outcome:
    """Validates a run against the suites and writes the Data Docs site into `docs`, whatever the verdict.

    `published_ids` has one column, `id`: the rows that other inputs published on the same dates. Columns come first:
    rows are looked at only when every column is there and has its type. `accepted` lets a refused shift pass, and
    nothing else. Without a history no share is judged. Raises `UsageError` for a suite that cannot be used.
    """
    importing = import_ahead()
    defects = defective(labelled, published_ids) if column_types(labelled, ["id"]) == {"id": "string"} else None
    importing.join()
    rules = read_suites(suites or schemas() / "expectations")
    measured = measure(history.manifest, history.manifests, history.settings) if history else {}
    parameters = {
        "expected_rows": expected_rows,
        "quarantined_rows": quarantined_rows,
        "actions": list(vocabulary.actions),
        "severities": list(vocabulary.severities),
        "scores": [f"struct<{','.join(f'{label}:float' for label in vocabulary.labels)}>"],
        **limit_parameters(measured),
    }
    with validator(docs, run_id, parameters) as on:
        checks = check_columns(on, rules, labelled, quarantined)
        checks += check_shares(on, rules, measured)
        if all(check.success for check in checks if check.table == "columns"):
            with cached(gate_view(labelled, defects, vocabulary)) as view:
                for name in ("comments", "labelled"):
                    checks += read(on.rows(name, view, rules[name]["rows"]), name)
            if quarantined is not None and (quarantined_rows or not quarantined.isEmpty()):
                with cached(quarantine_view(quarantined)) as view:
                    checks += read(on.rows("quarantine", view, rules["quarantine"]["rows"]), "quarantine")
    said = notes(measured, history.settings) if history else ()
    return write_report(outcome(checks, docs / "index.html", said, measured, accepted))


def check_columns(on: Validator, suites: Suites, labelled: DataFrame, quarantined: DataFrame | None) -> list[Check]:
    """Whether every column is there and has its type."""
    rules = [rule for suite in suites.values() for rule in suite["columns"]]
    names = [str(rule["kwargs"]["column"]) for rule in rules]
    types = column_types(labelled, [name for name in names if not name.startswith(QUARANTINE)])
    if quarantined is None:
        rules = [rule for rule in rules if not rule["kwargs"]["column"].startswith(QUARANTINE)]
    else:
        theirs = [name.removeprefix(QUARANTINE) for name in names if name.startswith(QUARANTINE)]
        types |= {QUARANTINE + name: kind for name, kind in column_types(quarantined, theirs).items()}
    return read(on.values("columns", types, rules), "columns", types)


def check_shares(on: Validator, suites: Suites, measured: Mapping[str, Measured]) -> list[Check]:
    """Whether the shares of a run keep the limits of the config, and the bands of the earlier runs."""
    values = {name: one.share.value for name, one in measured.items()}
    limits = [rule for suite in suites.values() for rule in suite["shares"] if rule["kwargs"]["column"] in values]
    checks = read(on.values("limits", values, limits), "limits", found(measured, "limit"))
    return checks + read(on.values("shift", values, shift_rules(measured)), "shift", found(measured, "band"))


def read(results: Sequence[Any], table: str, values: Mapping[str, str] | None = None) -> list[Check]:
    """The results of one table; `values` says in words what was found in the place of each column."""
    return [read_check(result, table, values or {}) for result in results]


@contextmanager
def cached(view: DataFrame) -> Iterator[DataFrame]:
    """Fills the cache before Great Expectations sees it: what the data makes fail, fails here and not in its docs."""
    view.cache()
    try:
        view.count()
        yield view
    finally:
        view.unpersist()
