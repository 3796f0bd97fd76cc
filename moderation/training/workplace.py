"""The folder beside the output in which a run works: the output appears whole, or not at all."""

import fcntl
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from moderation.errors import Interrupted, UsageError
from moderation.training import checkpoint

ABOUT = "training.json"  # in a finished folder: which run made it, and how it went


@dataclass(frozen=True)
class Workplace:
    """`folder` holds the checkpoint and, in `made`, the folder that becomes the output; `run` is the run's digest."""

    output: Path
    run: str

    @property
    def folder(self) -> Path:
        """A hidden neighbour of the output: on the same disk, so that it can be renamed."""
        return self.output.parent / f".{self.output.name}.making"

    @property
    def made(self) -> Path:
        """What becomes the output."""
        return self.folder / "made"

    def finished(self) -> bool:
        """Whether the output is what this very run made."""
        try:
            about: dict[str, Any] = json.loads((self.output / ABOUT).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return False
        return isinstance(about, dict) and about.get("run") == self.run

    def worked(self) -> bool:
        """Whether there is work worth keeping."""
        return any(self.folder.rglob(checkpoint.NAME))

    def publish(self, about: dict[str, Any]) -> None:
        """Puts the finished folder in the output's place and clears up."""
        text = json.dumps({"run": self.run, **about}, indent=2)
        (self.made / ABOUT).write_text(text + "\n", encoding="utf-8")
        old = self.output.parent / f".{self.output.name}.old"
        shutil.rmtree(old, ignore_errors=True)
        if self.output.exists():
            self.output.rename(old)
        self.made.rename(self.output)
        shutil.rmtree(old, ignore_errors=True)
        shutil.rmtree(self.folder)


@contextmanager
def working(output: Path, run: str, overwrite: bool) -> Iterator[Workplace]:
    """A workplace of one process; raises `UsageError` where the output is not this run's to write.

    Ctrl-C becomes `Interrupted`, which says how to go on.
    """
    place = Workplace(output.resolve(), run)
    check_output(place, overwrite)
    try:
        place.folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"--output {output}: cannot be made ({error.strerror})") from error
    with (place.folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise UsageError(f"--output {output}: another process is making it") from error
        claim(place, overwrite)
        try:
            yield place
        except KeyboardInterrupt as error:
            raise Interrupted(f"stopped; the same command again goes on, work is kept in {place.folder}") from error
        except UsageError:
            if not place.worked():
                shutil.rmtree(place.folder)
            raise


def claim(place: Workplace, overwrite: bool) -> None:
    """Makes the folder this run's; raises `UsageError` where another run is unfinished there."""
    sign = place.folder / "run"
    if sign.is_file() and sign.read_text() != place.run:
        if not overwrite:
            raise UsageError(
                f"{place.folder}: an unfinished run with other data or settings; name another --output, or drop that "
                "run with --overwrite"
            )
        for found in place.folder.iterdir():
            if found.name != "lock":
                shutil.rmtree(found) if found.is_dir() else found.unlink()
    sign.write_text(place.run)


def check_output(place: Workplace, overwrite: bool) -> None:
    """Raises `UsageError` where the output holds something that would be lost."""
    output = place.output
    if not output.exists() or (output.is_dir() and not any(output.iterdir())) or place.finished():
        return
    if not output.is_dir() or not (output / "config.json").is_file():
        raise UsageError(f"--output {output}: is there and is no model folder; name another")
    if not overwrite:
        raise UsageError(f"--output {output}: holds another model; name another folder, or replace it with --overwrite")
