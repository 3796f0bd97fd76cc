"""Blocks of lines read by several processes at once: the interpreter's lock would bind threads to one core.

A process gets blocks through its standard input and answers each on its standard output with what `NdJson` made of it,
as Arrow has it. They are started anew, not forked: a fork would hold the output's lock after its parent's death.
"""

import gc
import json
import os
import signal
import subprocess
import sys
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from itertools import chain, islice
from struct import Struct
from types import TracebackType
from typing import IO, Self

import pyarrow as pa
from pyarrow import ipc

from moderation.ingest.batch import Batch, Rejected, days_of
from moderation.ingest.fields import Kind
from moderation.ingest.lines import Block
from moderation.ingest.ndjson import NdJson
from moderation.ingest.streams import Damaged

FEW = 8  # blocks: a source without more is read sooner than a process starts
MOST = 3  # processes: more would wait for the one that unpacks and writes
HEADER, SIZE = Struct("<qqq"), Struct("<q")
REJECTED = pa.schema([("line", pa.int64()), ("reason", pa.string()), ("raw", pa.binary()), ("size", pa.int64())])
START = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from moderation.ingest.processes import serve; serve()"
)


def read_blocks(blocks: Iterator[Block], kind: Kind, mapping: Mapping[str, str]) -> Iterator[Batch]:
    """The rows of all blocks, in order: by processes side by side where there are many blocks and several cores.

    Raises `ProcessDied` where one does.
    """
    from moderation.inference.devices import usable_threads

    count = min(usable_threads(), MOST)
    yield from map(NdJson(kind, mapping).read, blocks if count == 1 else islice(blocks, FEW))
    for block in blocks:  # the first of those that are left
        yield from side_by_side(chain([block], blocks), kind, mapping, count)


def side_by_side(blocks: Iterator[Block], kind: Kind, mapping: Mapping[str, str], count: int) -> Iterator[Batch]:
    """The rows of all blocks by so many processes; damage of the file ends them after the rows before it."""
    damage: Damaged | None = None
    with ExitStack() as stack:
        free = deque(stack.enter_context(Process(kind, mapping)) for _ in range(count))
        busy: deque[Process] = deque()
        while True:
            try:
                block = next(blocks, None)
            except Damaged as error:
                damage, block = error, None
            if block is None:
                break
            if not free:
                yield busy[0].receive()
                free.append(busy.popleft())
            free[0].send(block)
            busy.append(free.popleft())
        yield from (process.receive() for process in busy)
    if damage:
        raise damage


class ProcessDied(Exception):
    """A process did not answer: says how it ended."""


class Process:
    """A process that reads blocks, one after the other; as a context it ends it."""

    def __init__(self, kind: Kind, mapping: Mapping[str, str]) -> None:
        command = [sys.executable, "-c", START, json.dumps(sys.path)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.write(json.dumps([kind, dict(mapping)]).encode() + b"\n")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.kill()  # it holds nothing but blocks
        self.process.communicate()

    def send(self, block: Block) -> None:
        """Hands it a block; it has none at the moment."""
        self.write(HEADER.pack(block.first, block.too_long, len(block.content)), block.content)

    def write(self, *parts: bytes) -> None:
        """Writes all parts; raises `ProcessDied` where nobody reads them."""
        assert self.process.stdin is not None
        try:
            for part in parts:
                self.process.stdin.write(part)
            self.process.stdin.flush()
        except BrokenPipeError as error:
            raise self.dead() from error

    def receive(self) -> Batch:
        """What it made of its block; waits for it. Raises `ProcessDied` where it died over it."""
        assert self.process.stdout is not None
        size = self.process.stdout.read(SIZE.size)
        content = self.process.stdout.read(SIZE.unpack(size)[0]) if len(size) == SIZE.size else b""
        if not content or len(content) != SIZE.unpack(size)[0]:
            raise self.dead()
        return unpacked(content)

    def dead(self) -> ProcessDied:
        """Says how it ended."""
        code = self.process.wait()
        how = f"was killed by signal {-code}" if code < 0 else f"ended with code {code}"
        return ProcessDied(f"a process that read its lines {how}")


def serve() -> None:
    """A process: blocks from standard input to batches on standard output, until there are no more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who started it is told, too, and ends it
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # nothing that is printed gets between the answers
    gc.freeze()
    try:
        answer_all(sys.stdin.buffer, answers)
    except BrokenPipeError:
        os._exit(0)  # who asked is gone


def answer_all(source: IO[bytes], answers: IO[bytes]) -> None:
    """Answers each block, until there are no more."""
    reader = NdJson(*json.loads(source.readline()))
    while len(header := source.read(HEADER.size)) == HEADER.size:
        first, too_long, size = HEADER.unpack(header)
        if len(content := source.read(size)) < size:
            return
        answer = packed(reader.read(Block(first, content, too_long)))
        answers.write(SIZE.pack(answer.size))
        answers.write(answer)
        answers.flush()


def packed(batch: Batch) -> pa.Buffer:
    """A batch as two streams of Arrow: its rows with its counts, and the lines that are none."""
    about = json.dumps({"lines": batch.lines, "blank": batch.blank, "odd": batch.odd})
    rejected = pa.Table.from_pylist([line._asdict() for line in batch.rejected], REJECTED)
    sink = pa.BufferOutputStream()
    for table in (batch.table.replace_schema_metadata({"about": about}), rejected):
        with ipc.new_stream(sink, table.schema) as stream:
            stream.write_table(table)
    return sink.getvalue()


def unpacked(content: bytes) -> Batch:
    """The batch that was packed."""
    source = pa.BufferReader(content)
    table = ipc.open_stream(source).read_all()
    rejected = [Rejected(**line) for line in ipc.open_stream(source).read_all().to_pylist()]
    about = json.loads(table.schema.metadata[b"about"])
    table = table.replace_schema_metadata(None)
    return Batch(table, days_of(table["created_utc"]), about["lines"], about["blank"], rejected, Counter(about["odd"]))
