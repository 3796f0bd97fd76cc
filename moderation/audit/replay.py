"""One published decision made again from digests, and compared field by field."""

import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from moderation.audit.published import find_run
from moderation.audit.replay_compare import Difference, differences, tolerance_of, within
from moderation.audit.replay_compute import Decider, alone, in_company
from moderation.audit.replay_find import Published, find_input, find_published, find_rows, input_rows, layout_of
from moderation.audit.replay_result import Replay
from moderation.audit.replay_sources import How, found_panel, how_here, how_recorded, recorded_config, recorded_privacy
from moderation.audit.verify_sources import recorded_policy
from moderation.errors import UsageError
from moderation.runs.locked import check_output
from moderation.runs.manifest import versions
from moderation.runs.shards import Shard, shards_of
from moderation.runs.store import Store, how_made
from moderation.text.digest import file_digest

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from moderation.config import Config
    from moderation.models.panel import Panel
    from moderation.policy import Policy
    from moderation.spark.layout import Layout

log = logging.getLogger("moderation")


@dataclass(frozen=True)
class Wish:
    """Which row, and what is to be another way than the run had it: where models are, and how they run."""

    row_id: str
    date: str | None = None
    models: tuple[str, ...] = ()
    precision: str | None = None
    backend: str | None = None
    device: str | None = None
    alone: bool = False


def replay(output: Path, run: str, wish: Wish) -> Replay:
    """Makes a published decision again and compares all its columns.

    Raises `UsageError` where the run, the row, its input, a model, a calibration or the policy is not there as it was.
    """
    output = check_output(output)
    manifest = find_run(output, run)
    published = find_published(output, manifest, wish.row_id, wish.date)
    config = recorded_config(manifest)
    privacy = recorded_privacy(manifest, config)
    file = find_input(manifest, published.input_key, config)
    panel, policy = found_panel(manifest, config, wish.models), checked_policy(manifest, published)
    layout, shards = layout_of(published, file, manifest, config, privacy), shards_of([file])
    places = list(find_rows(shards, layout, wish.row_id))
    if not places:
        raise UsageError(f"input {file.path}: holds no row of id {wish.row_id!r}, which run {manifest['run_id']} had")
    store = Store(output, manifest["scores"]["key"])
    made = {shard: how_made(store, shard) for shard, _ in places}
    return Case(output, manifest, published, config, panel, policy, layout, places, made).replayed(wish)


def checked_policy(manifest: dict[str, Any], published: Published) -> "Policy":
    """The policy that the manifest holds; raises `UsageError` where it is not the one that decided the row."""
    policy = recorded_policy(manifest)
    if policy.policy_id != published.row["policy_id"]:
        raise UsageError(
            f"run {manifest['run_id']}: the policy in its manifest has the digest {policy.policy_id}, and the row was "
            f"decided by {published.row['policy_id']}: 'moderation audit verify' says which was changed"
        )
    return policy


@dataclass(frozen=True)
class Case:
    """All that one replay rests on: found, its digests checked, nothing computed yet."""

    output: Path
    manifest: dict[str, Any]
    published: Published
    config: "Config"
    panel: "Panel"
    policy: "Policy"
    layout: "Layout"
    places: Sequence[tuple[Shard, int]]
    made: dict[Shard, dict[str, Any]]

    def replayed(self, wish: Wish) -> Replay:
        """The decision, made again: by itself first, and among its neighbours where that tells other bits."""
        from moderation.config import SparkSettings
        from moderation.spark.session import session

        kept = {name: value for name, value in self.config.spark.conf.items() if name.startswith("spark.sql.")}
        conf = {"spark.driver.memory": "1g", "spark.sql.shuffle.partitions": "1", **kept}
        with session(SparkSettings(master="local[1]", conf=conf)) as spark:
            return self.compared(spark, wish)

    def compared(self, spark: "SparkSession", wish: Wish) -> Replay:
        """`replayed` in a session."""
        decider = Decider(spark, self.config, self.panel, self.policy, self.manifest["run_id"])
        (shard, row), line, body = self.row(decider)
        recorded = how_recorded(self.config, self.panel, self.made[shard])
        here = how_here(self.config, self.panel, recorded, wish)
        config = self.config.model_copy(update=here.settings)
        found = self.differences(decider.decide(line, alone(config, self.panel, body)))
        company = None
        if any(one.of_models for one in found) and not wish.alone and here.same(recorded):
            company = shard.stop - shard.start
            log.info("scored by itself it is not the same to the last bit: scoring the %s rows of its shard", company)
            answers = in_company(spark, shard, row, self.layout, config, self.panel)
            again = self.differences(decider.decide(line, answers))
            found, company = (again, company) if len(again) <= len(found) else (found, None)
        return self.result(found, row, recorded, here, company)

    def row(self, decider: Decider) -> tuple[tuple[Shard, int], pa.Table, str]:
        """The place of the row in the input, the row, and its body; raises `UsageError` where it is none to label."""
        rows = input_rows(self.places, self.layout)
        wanted = decider.wanted(rows, self.published.row["date"])
        if len(wanted) != 1:
            raise UsageError(
                f"input {self.places[0][0].path}: {len(wanted)} rows of id {self.published.row['id']!r} are of "
                f"{self.published.row['date']}, where run {self.manifest['run_id']} had one"
            )
        number, body = wanted[0]
        return self.places[number], rows.slice(number, 1), body

    def differences(self, replayed: dict[str, Any]) -> list[Difference]:
        """The published columns against those of the replay."""
        return differences(self.published.row, replayed)

    def result(self, found: list[Difference], row: int, recorded: How, here: How, company: int | None) -> Replay:
        """What came of it."""
        tolerance = tolerance_of(recorded.precision, here.precision)
        verdict = "equal" if not found else "equal within tolerance" if within(found, tolerance) else "differs"
        return Replay(
            run_id=self.manifest["run_id"],
            row_id=self.published.row["id"],
            date=self.published.row["date"],
            verdict=verdict,
            tolerance=tolerance,
            columns=len(self.published.row),
            company=company,
            differences=tuple(found),
            checked=self.checked(row) | {"recorded": asdict(recorded), "here": asdict(here)},
            notes=tuple(self.notes(recorded, here)),
        )

    def checked(self, row: int) -> dict[str, Any]:
        """What was found, with its digests."""
        return {
            "published": str(self.published.file.relative_to(self.output)),
            "input": self.places[0][0].path,
            "input_row": row,
            "input_sha256": self.places[0][0].sha256,
            "model_id": self.panel.model_id,
            "policy_id": self.policy.policy_id,
        }

    def notes(self, recorded: How, here: How) -> list[str]:
        """What a reader of the verdict should know."""
        said = []
        path = f"labelled/date={self.published.row['date']}/{self.published.file.name}"
        (entry,) = [one for one in self.manifest["published"] if one["path"] == path]
        if file_digest(self.published.file) != entry["sha256"]:
            said.append("the published file is not the one that the run published: see 'moderation audit verify'")
        if not recorded.known:
            said.append("the stored scores are gone, so backend and precision are those of the run's settings")
        if not here.same(recorded):
            said.append(f"scored on {here.words}, and the run on {recorded.words}: bits may differ")
        made = next(iter(self.made.values())).get("versions") or self.manifest["versions"]
        changed = [f"{name} {made[name]} (now {now})" for name, now in self.versions.items() if made.get(name) != now]
        return [*said, *([f"other versions than then: {', '.join(changed)}"] if changed else [])]

    @cached_property
    def versions(self) -> dict[str, str]:
        """The versions here of what scores depend on."""
        return {
            name: found for name, found in versions().items() if name in ("torch", "tokenizers", "openvino", "nncf")
        }
