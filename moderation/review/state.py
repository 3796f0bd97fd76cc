"""What the review page is about: one run, one sample with its rows in memory, and how it is served."""

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from moderation.audit.design import Design, SampleFolder, audits, find_sample
from moderation.audit.published import find_run
from moderation.errors import UsageError
from moderation.review.secret import signing_key, token_for

Key = tuple[str, str]  # a row's id and its date
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
ANY = frozenset({"0.0.0.0", "::"})  # every interface


@dataclass(frozen=True)
class Options:
    """How the page is served: who reviews (None: asked), where it listens, the token that was given, how many seconds
    a row is kept for a reviewer, and whether driving words are computed."""

    reviewer: str | None = None
    host: str = "127.0.0.1"
    port: int = 8765
    token: str | None = None
    lease: float = 1800.0
    words: bool = True

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach the page."""
        return self.host in LOOPBACK


@dataclass(frozen=True)
class Review:
    """The run and the sample under review; `folder` and `design` are None while the run has no sample.

    `rows` are the sampled rows with all their columns, in the order of the review. `secret` signs cookies, `token` is
    what lets people in (None: nothing is asked for).
    """

    output: Path
    manifest: dict[str, Any]
    folder: SampleFolder | None
    design: Design | None
    rows: tuple[dict[str, Any], ...]
    options: Options
    secret: bytes
    token: str | None

    @cached_property
    def by_key(self) -> dict[Key, dict[str, Any]]:
        """The rows by id and date."""
        return {key_of(row): row for row in self.rows}

    @property
    def run_id(self) -> str:
        """The run under review."""
        return str(self.manifest["run_id"])


def key_of(row: dict[str, Any]) -> Key:
    """What tells a row from all others."""
    return str(row["id"]), str(row["date"])


def load(output: Path, run: str | None, sample: str, options: Options) -> Review:
    """Finds the run and the sample and reads the sample's rows.

    Raises `UsageError` for runs and samples that are not there, a sample of another run than the one that was named,
    and files that cannot be read.
    """
    manifest, folder = chosen(output, run, sample)
    design = folder.read_design() if folder else None
    token = token_for(output, options.token, options.loopback)
    rows = read_rows(folder) if folder else ()
    return Review(output.resolve(), manifest, folder, design, rows, options, signing_key(output, token), token)


def take_sample(review: Review) -> Review | None:
    """The same review with the sample that its run has by now, None where it still has none."""
    folder = newest_sample(review.output, review.run_id)
    return replace(review, folder=folder, design=folder.read_design(), rows=read_rows(folder)) if folder else None


def chosen(output: Path, run: str | None, sample: str) -> tuple[dict[str, Any], SampleFolder | None]:
    """The manifest of the run and the folder of the sample, None where that run has none yet."""
    if sample == "latest":
        manifest = find_run(output, run or "latest")
        return manifest, newest_sample(output, manifest["run_id"])
    folder = find_sample(output, sample, find_run(output, run)["run_id"] if run else None)
    return find_run(output, folder.read_design().run_id), folder


def newest_sample(output: Path, run_id: str) -> SampleFolder | None:
    """The sample of a run that was drawn last, None where there is none."""
    found = [SampleFolder(path.parent) for path in sorted(audits(output).glob("*/design.json"))]
    mine = [folder for folder in found if folder.read_design().run_id == run_id]
    return max(mine, key=lambda folder: folder.read_design().created, default=None)


def read_rows(folder: SampleFolder) -> tuple[dict[str, Any], ...]:
    """The sampled rows in the order of the review. Read as one file: `pyarrow.dataset` would take as long to import as
    everything else takes to start."""
    import pyarrow.parquet as pq
    from pyarrow.lib import ArrowException

    try:
        with pq.ParquetFile(folder.sample) as file:
            rows = file.read().to_pylist()
        return tuple(sorted(rows, key=lambda row: int(row["place"])))
    except (OSError, ArrowException, KeyError) as error:
        raise UsageError(f"{folder.sample}: cannot be read ({error}); draw it anew with 'audit sample'") from error
