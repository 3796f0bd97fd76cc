"""What reviewers settled as training data: a file that `moderation finetune` takes as it is, with weights.

A row of the sample that at least one label of was settled as yes or no is a row of the file: its text, a column of 1, 0
or null for each label that anybody settled, and how much it counts.
"""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from moderation.audit.design import SampleFolder
from moderation.audit.verdict_files import write_whole
from moderation.audit.verdicts import KEY, last_words, settle, tally, verdicts
from moderation.errors import UsageError

if TYPE_CHECKING:
    import pandas as pd

Weights = Literal["both", "design", "votes", "none"]
OURS = ("text", "weight", "split", "source", "license", "tokens", "tags", "row_id", "date", "sample_id", "run_id")
ALONE = 2 / 3  # how sure one reviewer's word is by Laplace's rule of succession, (1 + 1) / (1 + 2): counts as 1


@dataclass(frozen=True)
class Written:
    """What a file of training data holds: rows, how many of equal weight tell as much, and each label's yes and no."""

    rows: int
    effective: float
    labels: dict[str, tuple[int, int]]
    columns: dict[str, str]


def checked_weights(name: str) -> Weights:
    """A kind of weights; raises `UsageError` for any other."""
    for known in get_args(Weights):
        if name == known:
            found: Weights = known
            return found
    raise UsageError(f"--weights {name}: is none of {', '.join(get_args(Weights))}")


def write_training(folder: SampleFolder, target: Path, weights: Weights = "both", test: float = 0.0) -> Written:
    """Writes the settled rows of a sample as Parquet.

    `test` is the share of texts held out as split `test`, a tenth of the others is `dev`. Raises `UsageError` where
    nothing is settled yet.
    """
    if target.suffix != ".parquet":
        raise UsageError(f"--to {target}: training data is Parquet: the name must end in .parquet")
    if not 0 <= test < 1:
        raise UsageError(f"--test {test}: must be a share from 0 to less than 1")
    design = folder.read_design()
    words = last_words(verdicts(folder))
    rows = settled_rows(folder, words, weights)
    if rows.empty:
        raise UsageError(
            f"sample {design.sample_id}: no label of any row is settled as yes or no yet, so there is nothing to learn "
            f"from; 'moderation review' asks for verdicts"
        )
    labels = [label for label in design.thresholds if label in rows.columns]
    columns = {label: f"label_{label}" if label in OURS else label for label in labels}
    rows["split"] = [split_of(text, design.seed, test) for text in rows["text"]]
    told = {"source": f"verdicts of sample {design.sample_id}", "sample_id": design.sample_id, "run_id": design.run_id}
    write_whole(target, as_parquet(rows.assign(**told), columns))
    counts = {label: (int((rows[label] == 1).sum()), int((rows[label] == 0).sum())) for label in labels}
    return Written(len(rows), float(rows.weight.sum() ** 2 / (rows.weight**2).sum()), counts, columns)


def settled_rows(folder: SampleFolder, words: "pd.DataFrame", weights: Weights) -> "pd.DataFrame":
    """The rows with a settled label: row_id, date, text, weight (1 in the mean), and a column for each such label."""
    import pandas as pd

    said = settle(words).query("verdict != 'unsure'")
    truth = said.assign(truth=(said.verdict == "yes").astype("Int8"))
    wide = truth.pivot(index=["row_id", "date"], columns="label", values="truth").reset_index()
    rows = sampled_texts(folder).merge(wide, on=["row_id", "date"])
    weight = pd.Series(1.0, rows.index)
    if weights in ("both", "design"):
        weight = weight * rows.pop("design_weight")
    if weights in ("both", "votes"):
        sure = certainty(words, said).rename("sure").reset_index()
        weight = weight * rows[["row_id", "date"]].merge(sure, on=["row_id", "date"], how="left").sure.to_numpy()
    return rows.assign(weight=weight / weight.mean() if len(rows) else weight)


def sampled_texts(folder: SampleFolder) -> "pd.DataFrame":
    """Key, text and design weight of every sampled row."""
    import pandas as pd
    import pyarrow.parquet as pq
    from pyarrow.lib import ArrowException

    try:
        table = pq.read_table(folder.sample, columns=["id", "date", "body", "weight"], partitioning=None)
    except (OSError, ArrowException) as error:
        raise UsageError(f"{folder.sample}: cannot be read ({error}); draw it anew with 'audit sample'") from error
    found = table.to_pylist()
    return pd.DataFrame(
        {
            "row_id": [str(row["id"]) for row in found],
            "date": [str(row["date"]) for row in found],
            "text": [row["body"] for row in found],
            "design_weight": [float(row["weight"]) for row in found],
        }
    )


def certainty(words: "pd.DataFrame", settled: "pd.DataFrame") -> "pd.Series[float]":
    """How sure the words on a row are, by row_id and date: the mean over its settled labels of (a + 1) / (a + b + 2),
    Laplace's rule of succession for a reviewers who agree and b who do not, as a multiple of one reviewer's."""
    votes = tally(words).merge(settled[KEY], on=KEY)
    most = votes[["yes", "no"]].max(axis=1)
    sure = (most + 1) / (votes.yes + votes.no + 2) / ALONE
    return votes.assign(sure=sure).groupby(["row_id", "date"]).sure.mean()


def split_of(text: str, seed: int, test: float) -> str:
    """The split of a text, by its digest and the seed alone: equal texts are on one side, in every export alike."""
    place = (
        int.from_bytes(sha256(f"{seed}\0split\0{text}".encode("utf-8", "surrogatepass")).digest()[:8], "big") / 2**64
    )
    if place < test:
        return "test"
    return "dev" if (place - test) / (1 - test) < 0.1 else "train"


def as_parquet(rows: "pd.DataFrame", columns: Mapping[str, str]) -> bytes:
    """The rows as a Parquet file: labels as whole numbers that may be null."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    texts = ("text", "split", "source", "row_id", "date", "sample_id", "run_id")
    fields: dict[str, Any] = {name: pa.array(rows[name], pa.string()) for name in texts}
    fields |= {column: pa.array(rows[label], pa.int8(), from_pandas=True) for label, column in columns.items()}
    fields["weight"] = pa.array(rows["weight"], pa.float64())
    buffer = io.BytesIO()
    pq.write_table(pa.table(fields), buffer)
    return buffer.getvalue()
