"""A reviewed sample without Spark: rows of known truth, drawn by stratum, in the files that `audit sample` writes."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from moderation.audit.design import Design, SampleFolder, Stratum
from moderation.audit.sample import write

LABEL, DAY = "insult", "2026-01-05"
BANDS = {"below -6": (0.001, False), "-2..-1": (0.1, False), "-1..0": (0.35, False), "0..+1": (0.65, True)}


@dataclass(frozen=True)
class World:
    """A frame with its truth, and the folder of a sample of it."""

    frame: pd.DataFrame
    folder: SampleFolder
    rows: pd.DataFrame

    def verdicts(self, **changes: str) -> pd.DataFrame:
        """What a reviewer who is always right says; `changes` are words for whole strata, '' for none."""
        said = self.rows.truth.map({True: "yes", False: "no"})
        for band, word in changes.items():
            said = said.mask(self.rows.stratum.str.contains(band.replace("_", " "), regex=False), word)
        made = pd.DataFrame({"row_id": self.rows.id, "date": self.rows.date, "label": LABEL, "verdict": said})
        return made[made.verdict != ""].reset_index(drop=True)


def world(path: Path, rows: tuple[int, ...] = (20_000, 2000, 500, 400), drawn: tuple[int, ...] = (400, 100, 100, 150)):
    """Strata of `rows` rows, of which `drawn` are in the sample; subreddits a and b in turns."""
    random = np.random.default_rng(3)
    parts = []
    for number, (band, (chance, given)) in enumerate(BANDS.items()):
        name = f"{LABEL} {band} {'review' if given else 'none'}"
        ids = [f"{number}-{n}" for n in range(rows[number])]
        part = pd.DataFrame({"id": ids, "stratum": name, "truth": random.random(rows[number]) < chance})
        part["drawn"] = np.arange(rows[number]) < drawn[number]  # rows are in no order
        part["labels"] = [[LABEL] if given else []] * rows[number]
        part["scores"] = [{LABEL: float(s)} for s in np.clip(chance + random.normal(0, 0.05, rows[number]), 0, 1)]
        parts.append(part)
    frame = pd.concat(parts, ignore_index=True)
    frame["subreddit"], frame["date"], frame["body"] = np.resize(["a", "b"], len(frame)), DAY, "words"
    sample = frame[frame.drawn].drop(columns="drawn").reset_index(drop=True)
    folder = SampleFolder(path / "audits" / "0123456789ab")
    write(folder, design(rows, drawn), pa.Table.from_pandas(weighted(sample, rows, drawn), preserve_index=False))
    return World(frame, folder, sample)


def weighted(sample: pd.DataFrame, rows: tuple[int, ...], drawn: tuple[int, ...]) -> pd.DataFrame:
    """The sample with what a reviewer needs to weigh it."""
    part = np.array(drawn) / np.array(rows)
    probability = part[sample.id.str[0].astype(int).to_numpy()]
    ours = {"probability": probability, "weight": 1 / probability, "duplicates": np.int32(1), "place": sample.index}
    return sample.drop(columns="truth").assign(**ours)


def design(rows: tuple[int, ...], drawn: tuple[int, ...]) -> Design:
    """The design of the sample."""
    strata = []
    for number, (band, (_, given)) in enumerate(BANDS.items()):
        action = "review" if given else "none"
        sizes = {"rows": rows[number], "drawn": drawn[number], "given": {LABEL: rows[number] if given else 0}}
        strata.append(Stratum(name=f"{LABEL} {band} {action}", leading=LABEL, band=band, action=action, **sizes))
    return Design(
        sample_id="0123456789ab",
        run_id="20260105T000000Z-aaaaaa",
        seed=7,
        thresholds={LABEL: 0.5},
        labels=[LABEL],
        strata=strata,
        frame="0" * 64,
        created="2026-01-06T00:00:00+00:00",
        version="0.1.0",
    )
