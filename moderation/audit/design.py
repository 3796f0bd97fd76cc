"""The design of a sample, as `OUT/audits/<sample_id>/design.json` keeps it, and where the files of a sample are."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from moderation.errors import UsageError


class Strict(BaseModel):
    """A section of the design."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Stratum(Strict):
    """Rows that were drawn from together, each with the probability `drawn / rows`."""

    name: str
    leading: str = Field(description="the label that the stratum is told by, 'any' far below every threshold")
    band: str = Field(description="how far its score is from its threshold, in logits")
    action: str
    slices: dict[str, str] = {}
    rows: Annotated[int, Field(ge=0)]
    drawn: Annotated[int, Field(ge=0)]
    given: dict[str, int] = Field({}, description="rows that were given each label")


class Margin(Strict):
    """What half the width of an interval was expected to be before anybody reviewed; null where nothing is known."""

    label: str
    measure: str
    value: float | None
    margin: float | None


class Design(Strict):
    """How a sample was drawn: enough to draw it again and to weigh its rows."""

    sample_id: str
    run_id: str
    seed: int
    thresholds: dict[str, float] = Field(description="of every label of the run, in its order")
    labels: list[str] = Field(description="the labels that the sizes were chosen for")
    slices: list[str] = []
    size: int | None = Field(None, description="the size that was asked for")
    margin: float | None = Field(None, description="the margin that was asked for")
    strata: list[Stratum]
    skipped: int = Field(0, description="rows without a text to score: in no stratum")
    failed: int = Field(0, description="rows that could not be scored: in no stratum, for no score says who they are")
    expected: list[Margin] = []
    frame: str = Field(description="digest of the run's labelled files, from the manifest")
    near_duplicates: float | None = Field(None, description="the similarity from which texts were shown once")
    created: str
    version: str

    @property
    def rows(self) -> int:
        """The rows that could be drawn."""
        return sum(stratum.rows for stratum in self.strata)

    @property
    def drawn(self) -> int:
        """The rows that were drawn."""
        return sum(stratum.drawn for stratum in self.strata)


@dataclass(frozen=True)
class SampleFolder:
    """The folder of one sample and the files in it."""

    path: Path

    @property
    def sample(self) -> Path:
        """The drawn rows."""
        return self.path / "sample.parquet"

    @property
    def design(self) -> Path:
        """How they were drawn."""
        return self.path / "design.json"

    @property
    def verdicts(self) -> Path:
        """What reviewers said."""
        return self.path / "verdicts.sqlite"

    @property
    def report(self) -> Path:
        """The report for people."""
        return self.path / "report.html"

    def read_design(self) -> Design:
        """The design; raises `UsageError` where there is none or it is damaged."""
        try:
            return Design.model_validate_json(self.design.read_text(encoding="utf-8"))
        except OSError as error:
            raise UsageError(f"{self.design}: cannot be read ({error.strerror})") from error
        except (ValidationError, ValueError) as error:
            raise UsageError(f"{self.design}: is no design of a sample; draw it anew with 'audit sample'") from error


def audits(output: Path) -> Path:
    """Where the samples of an output are."""
    return output / "audits"


def find_sample(output: Path, name: str = "latest", run_id: str | None = None) -> SampleFolder:
    """The folder of a sample, by its id, the beginning of one, or `latest` (by the time it was drawn).

    With `run_id` only the samples of that run. Raises `UsageError` where there is none, or more than one begins so.
    """
    found = [SampleFolder(path.parent) for path in sorted(audits(output).glob("*/design.json"))]
    if run_id:
        found = [folder for folder in found if folder.read_design().run_id == run_id]
    of_run = f" of run {run_id}" if run_id else ""
    if not found:
        raise UsageError(f"output {output}: no sample{of_run}; 'moderation audit sample' draws one")
    if name == "latest":
        return max(found, key=lambda folder: folder.read_design().created)
    matching = [folder for folder in found if folder.path.name.startswith(name)]
    if len(matching) != 1:
        problem = "more than one begins so" if matching else "no such sample"
        near = ", ".join(folder.path.name for folder in (matching or found)[:3])
        raise UsageError(f"sample {name}: {problem}{of_run} in {audits(output)}; there are: {near}")
    return matching[0]
