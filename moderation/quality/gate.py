"""Asks Great Expectations whether a labelled frame may be published, and keeps the answer as Data Docs."""

from __future__ import annotations

import json
import logging
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from moderation.errors import UsageError
from moderation.quality.report import Outcome, outcome, read_check
from moderation.quality.view import Vocabulary, column_types, gate_view

if TYPE_CHECKING:
    from great_expectations import ExpectationSuite
    from great_expectations.core import ExpectationValidationResult
    from great_expectations.data_context import FileDataContext
    from great_expectations.datasource.fluent import PandasDatasource, SparkDatasource
    from pyspark.sql import DataFrame

# Counts, and room for none of the offending values. (BOOLEAN_ONLY would hide the counts as well.)
RESULT_FORMAT = {"result_format": "BASIC", "partial_unexpected_count": 0}


def validate(
    labelled: DataFrame,
    *,
    vocabulary: Vocabulary,
    expected_rows: int,
    published_ids: DataFrame | None,
    suite: Path,
    docs: Path,
    run_id: str,
) -> Outcome:
    """Validates the frame against the suite and writes the Data Docs site into `docs`, whatever the verdict.

    Columns come first: rows are looked at only when every column is there and has its type.
    """
    parameters = {
        "expected_rows": expected_rows,
        "actions": list(vocabulary.actions),
        "severities": list(vocabulary.severities),
    }
    with _context(docs) as context:
        on_columns, on_rows = _read_suites(suite)
        rules = [rule.configuration.kwargs for rule in on_columns.expectations]
        types = column_types(labelled, [rule["column"] for rule in rules if "column" in rule])
        results = _run(context, context.data_sources.add_pandas("columns"), _one_row(types), on_columns, {}, run_id)
        checks = [read_check(result, "columns", types) for result in results]
        if all(check.success for check in checks):
            source = context.data_sources.add_spark("rows", persist=False)
            with _cached(gate_view(labelled, published_ids, vocabulary)) as view:
                results = _run(context, source, view, on_rows, parameters, run_id)
            checks += [read_check(result, "rows", {}) for result in results]
    return outcome(checks, docs / "index.html")


def _read_suites(path: Path) -> tuple[ExpectationSuite, ExpectationSuite]:
    """The expectations on the columns, and those on the rows."""
    try:
        rules = json.loads(path.read_text(encoding="utf-8"))["expectations"]
        on_columns = [rule for rule in rules if rule.get("meta", {}).get("table") == "columns"]
        on_rows = [rule for rule in rules if rule not in on_columns]
        if not on_rows:
            raise ValueError("it expects nothing of the rows")
        return _suite("columns", on_columns), _suite("rows", on_rows)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise UsageError(f"the expectation suite {path} cannot be used: {error!r}") from error


def _suite(name: str, rules: list[dict[str, Any]]) -> ExpectationSuite:
    import great_expectations as gx

    suite = gx.ExpectationSuite(name=name, expectations=rules)
    # GX logs an expectation that it does not know, and goes on without it.
    if unknown := {rule["type"] for rule in rules} - {rule.configuration.type for rule in suite.expectations}:
        raise ValueError(f"unknown expectations {sorted(unknown)}")
    return suite


def _one_row(types: dict[str, str]) -> Any:
    import pandas as pd

    return pd.DataFrame([types])


@contextmanager
def _cached(view: DataFrame) -> Iterator[DataFrame]:
    """Fills the cache before Great Expectations sees it: what the data makes fail, fails here and not in its docs."""
    view.cache()
    try:
        view.count()
        yield view
    finally:
        view.unpersist()


@contextmanager
def _context(docs: Path) -> Iterator[FileDataContext]:
    """A silent Great Expectations that lives in a temporary folder, apart from its site in `docs`."""
    os.environ["GX_ANALYTICS_ENABLED"] = "False"  # before the import; 1.24 sends nothing, earlier versions did
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    logging.getLogger("great_expectations").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory(prefix="gate-") as folder:
        context = gx.get_context(mode="file", project_root_dir=folder)
        context.variables.progress_bars = ProgressBarsConfig(globally=False, metric_calculations=False)
        site: Any = {
            "class_name": "SiteBuilder",
            "store_backend": {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(docs.resolve())},
            "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
            "show_how_to_buttons": False,
        }
        context.update_data_docs_site("local_site", site)
        yield context


def _run(
    context: FileDataContext,
    source: PandasDatasource | SparkDatasource,
    frame: Any,
    suite: ExpectationSuite,
    parameters: dict[str, Any],
    run_id: str,
) -> list[ExpectationValidationResult]:
    """One checkpoint over one table, named as its suite; adds its results to the site."""
    import great_expectations as gx
    from great_expectations.checkpoint import UpdateDataDocsAction
    from great_expectations.core.run_identifier import RunIdentifier

    name = suite.name
    batch = source.add_dataframe_asset(name).add_batch_definition_whole_dataframe("all")
    data = gx.ValidationDefinition(name=name, data=batch, suite=context.suites.add(suite))
    checkpoint = gx.Checkpoint(
        name=name,
        validation_definitions=[context.validation_definitions.add(data)],
        actions=[UpdateDataDocsAction(name="docs")],
        result_format=RESULT_FORMAT,
    )
    run = context.checkpoints.add(checkpoint).run({"dataframe": frame}, parameters, RunIdentifier(run_name=run_id))
    results = [result for validation in run.run_results.values() for result in validation.results]
    if len(results) != len(suite.expectations):
        raise RuntimeError(f"Great Expectations answered {len(results)} of {len(suite.expectations)} checks on {name}")
    return results
