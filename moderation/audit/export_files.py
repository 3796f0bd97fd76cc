"""Exports as files: streamed, and there whole or not at all."""

import csv
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from moderation.errors import UsageError

CALL = 100  # statements that the Transparency Database takes in one call


@contextmanager
def whole_file(target: Path) -> Iterator[IO[str]]:
    """A text file that takes its name when all of it is written; raises `UsageError` where it cannot be written."""
    scratch = target.with_name(f".{target.name}.part")
    try:
        with scratch.open("w", encoding="utf-8", newline="") as file:
            yield file
        scratch.replace(target)
    except OSError as error:
        raise UsageError(f"--to {target}: cannot be written ({error.strerror})") from error
    finally:
        scratch.unlink(missing_ok=True)


def write_lines(rows: Iterable[dict[str, Any]], target: Path) -> int:
    """One JSON object a line; returns how many."""
    count = 0
    with whole_file(target) as file:
        for row in rows:
            count += 1
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
    return count


def write_calls(rows: Iterable[dict[str, Any]], target: Path) -> int:
    """The body of one call with up to 100 statements a line; returns how many statements."""
    count, call = 0, list[dict[str, Any]]()
    with whole_file(target) as file:
        for row in rows:
            count += 1
            call.append(row)
            if len(call) == CALL:
                file.write(json.dumps({"statements": call}, ensure_ascii=False) + "\n")
                call = []
        if call:
            file.write(json.dumps({"statements": call}, ensure_ascii=False) + "\n")
    return count


def write_document(rows: Iterable[dict[str, Any]], target: Path) -> int:
    """One JSON document with all statements; returns how many."""
    count = 0
    with whole_file(target) as file:
        file.write('{"statements": [')
        for count, row in enumerate(rows, 1):
            file.write(("\n" if count == 1 else ",\n") + json.dumps(row, ensure_ascii=False))
        file.write("\n]}\n")
    return count


def write_csv(rows: Iterable[dict[str, Any]], target: Path, columns: list[str]) -> int:
    """CSV with these columns, lists and objects as JSON, as the database's own dumps have them; returns how many."""
    count = 0
    with whole_file(target) as file:
        writer = csv.DictWriter(file, columns, lineterminator="\r\n", restval="")
        writer.writeheader()
        for row in rows:
            count += 1
            flat = {name: json.dumps(one) if isinstance(one, list | dict) else one for name, one in row.items()}
            writer.writerow(flat)
    return count
