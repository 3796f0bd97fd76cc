"""The texts that benchmarks run on: real comments where there are any, else made-up ones of the same lengths."""

import math
from collections.abc import Sequence
from pathlib import Path
from random import Random

from moderation.errors import UsageError
from moderation.text.normalise import skip_reason, without_surrogates

DATA = Path(__file__).parents[3] / "shared" / "data" / "reddit_comments.parquet"
SEED = 20
# Tokens of a Reddit comment at each quantile: mean 40, median 22, p90 84, p99 346.
QUANTILES = [(0.0, 1), (0.05, 3), (0.25, 9), (0.5, 22), (0.75, 38), (0.9, 84), (0.95, 130), (0.99, 346), (1.0, 800)]
# Every word is one token, so that words count as tokens; insults and names give both heads something to find.
WORDS = (
    "the of and to in is it that you this for was on are with not but have be they what all can my if would about time "
    "people like just know good think well even want really look first also after work because never year day thing "
    "life game water point house story money idea music paris london google america michael john stupid idiot damn "
    "hell crap trash dumb hate kill . , . , ? !"
)


def data_file(named: Path | None, generated: bool = False) -> Path | None:
    """The file to take texts from; None where they are to be made up. Raises `UsageError` where a file that was named
    is not there."""
    if named is not None and generated:
        raise UsageError("give --data or --generated, not both")
    if named is not None and not named.is_file():
        raise UsageError(f"--data {named}: no such file")
    default = None if generated or not DATA.is_file() else DATA
    return named or default


def bodies(file: Path | None, count: int) -> list[str]:
    """A seeded sample of a file's bodies as they come, deleted ones included; made-up texts where there is no file."""
    return sample(read_bodies(file), count) if file else generate(count)


def scorable_bodies(file: Path | None, count: int) -> list[str]:
    """The same of the bodies that are scored at all, without the lone surrogates that no peer's tokeniser reads."""
    if file is None:
        return generate(count)
    return [without_surrogates(body) for body in sample([b for b in read_bodies(file) if not skip_reason(b)], count)]


def distinct(texts: list[str]) -> list[str]:
    """The texts without those that another equals: the engine scores equal texts once, which is no speed."""
    return list(dict.fromkeys(texts))


def read_bodies(file: Path) -> list[str]:
    """All bodies of a Parquet file that are not null; raises `UsageError` where there are none."""
    from pyarrow import ArrowException, parquet

    try:
        found = parquet.read_table(file, columns=["body"])["body"].drop_null().to_pylist()
    except (ArrowException, KeyError, OSError) as error:
        raise UsageError(f"--data {file}: no Parquet file with a body column ({type(error).__name__})") from error
    if not found:
        raise UsageError(f"--data {file}: its body column is empty")
    return found


def sample(found: Sequence[str], count: int) -> list[str]:
    """A seeded sample in random order: lists of neighbours of a dump answer each other and are alike."""
    return Random(SEED).sample(found, min(count, len(found)))


def generate(count: int) -> list[str]:
    """Made-up texts of the lengths of Reddit comments, the same ones for the same count."""
    random = Random(SEED)
    lengths = [length_at((number + 0.5) / count) for number in range(count)]  # evenly, so that few texts do as well
    random.shuffle(lengths)
    words = WORDS.split()
    return [" ".join(random.choices(words, k=length)) for length in lengths]


def length_at(quantile: float) -> int:
    """The length of a comment at a quantile, in tokens: between those of `QUANTILES` on a logarithmic scale."""
    upper = next(index for index, (known, _) in enumerate(QUANTILES) if quantile <= known)
    (low, short), (high, long) = QUANTILES[max(upper - 1, 0)], QUANTILES[max(upper, 1)]
    part = (quantile - low) / (high - low)
    return round(math.exp((1 - part) * math.log(short) + part * math.log(long)))
