"""Great Expectations at work: silent, in a folder of its own, apart from the site of Data Docs that it leaves."""

from __future__ import annotations

import logging
import os
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from moderation.quality.suites import Rule, build

if TYPE_CHECKING:
    from great_expectations import ValidationDefinition
    from great_expectations.core import ExpectationValidationResult
    from great_expectations.core.run_identifier import RunIdentifier
    from great_expectations.data_context import FileDataContext
    from pyspark.sql import DataFrame

# Yes or no at first: for its counts Great Expectations plans a query more for each expectation, half of its cost.
VERDICTS = {"result_format": "BOOLEAN_ONLY"}
COUNTS = {"result_format": "BASIC", "partial_unexpected_count": 0}  # and room for none of the offending values


@dataclass(frozen=True)
class Validator:
    """Validates tables into one site; what is done with the values of suite parameters is Great Expectations' own."""

    context: FileDataContext
    identifier: RunIdentifier
    parameters: Mapping[str, Any]

    def rows(self, name: str, frame: DataFrame, rules: Sequence[Rule]) -> list[ExpectationValidationResult]:
        """Validates the rows of a Spark frame."""
        source = self.context.data_sources.add_spark(f"{name} in Spark", persist=False)
        return self.run(name, source, frame, rules)

    def values(self, name: str, row: Mapping[str, object], rules: Sequence[Rule]) -> list[ExpectationValidationResult]:
        """Validates single values: a table of one row."""
        import pandas as pd

        return self.run(name, self.context.data_sources.add_pandas(f"{name} found"), pd.DataFrame([dict(row)]), rules)

    def run(self, name: str, source: Any, frame: Any, rules: Sequence[Rule]) -> list[ExpectationValidationResult]:
        """One checkpoint over one table, and again with counts where something is wrong; adds pages to the site."""
        import great_expectations as gx

        if not rules:
            return []
        batch = source.add_dataframe_asset(name).add_batch_definition_whole_dataframe("all")
        suite = self.context.suites.add(build(name, rules))
        data = self.context.validation_definitions.add(gx.ValidationDefinition(name=name, data=batch, suite=suite))
        results = self.check(data, frame, VERDICTS)
        if not all(result.success for result in results):
            results = self.check(data, frame, COUNTS)
        if len(results) != len(rules):
            raise RuntimeError(f"Great Expectations answered {len(results)} of {len(rules)} checks on {name}")
        return results

    def check(self, data: ValidationDefinition, frame: Any, form: Mapping[str, Any]) -> list[Any]:
        """The results of one checkpoint in one form."""
        import great_expectations as gx

        name = f"{data.name} {form['result_format']}"
        checkpoint = gx.Checkpoint(name=name, validation_definitions=[data], result_format=dict(form))
        added = self.context.checkpoints.add(checkpoint)
        found = added.run({"dataframe": frame}, dict(self.parameters), self.identifier)
        return [result for validation in found.run_results.values() for result in validation.results]


@contextmanager
def validator(site: Path, run_id: str, parameters: Mapping[str, Any]) -> Iterator[Validator]:
    """A validator whose pages are written into the folder `site` when all is done."""
    import_library()
    import great_expectations as gx
    from great_expectations.core.run_identifier import RunIdentifier
    from great_expectations.data_context.types.base import ProgressBarsConfig

    logging.getLogger("great_expectations").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory(prefix="gate-") as folder:
        context = gx.get_context(mode="file", project_root_dir=folder)
        context.variables.progress_bars = ProgressBarsConfig(globally=False, metric_calculations=False)
        store = {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(site.resolve())}
        settings: Any = {
            "class_name": "SiteBuilder",
            "store_backend": store,
            "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
            "show_how_to_buttons": False,
        }
        context.update_data_docs_site("local_site", settings)
        # Without a time the library takes our id for a date, and its end for a time zone, of 63 hours for instance.
        yield Validator(context, RunIdentifier(run_id, datetime.now(UTC)), parameters)
        context.build_data_docs()


def import_library() -> None:
    """Imports Great Expectations, with its usage statistics off: 1.24 sends nothing, earlier versions did."""
    os.environ["GX_ANALYTICS_ENABLED"] = "False"  # before the import
    import great_expectations  # noqa: F401


def import_ahead() -> threading.Thread:
    """Imports Great Expectations, which takes seconds, while Spark is at work; wait for it with `join`."""
    thread = threading.Thread(target=import_library, name="import great_expectations", daemon=True)
    thread.start()
    return thread
