"""Blocks of lines read by several processes at once: the interpreter's lock would bind threads to one core.

A process gets blocks through a socket and answers each, in their order, with what `NdJson` made of it, as Arrow has it.
While it reads one, the next is on its way. Processes are started anew, not forked: a fork would go on holding the
output's lock after its parent's death.
"""

import gc
import json
import os
import signal
import socket
import subprocess
import sys
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from itertools import chain, cycle, islice
from struct import Struct
from types import TracebackType
from typing import Self

import pyarrow as pa
from pyarrow import ipc

from moderation.inference.feed import ahead
from moderation.ingest.batch import Batch, Rejected, days_of
from moderation.ingest.fields import Kind
from moderation.ingest.lines import Block
from moderation.ingest.ndjson import NdJson
from moderation.ingest.streams import Damaged

FEW = 8  # blocks: a source without more is read sooner than a process starts
MOST = 2  # processes: more would take the ingest beyond a gigabyte
DEEP = 2  # blocks at a process: one that it reads, and one on its way
HEADER, SIZE = Struct("<qqq"), Struct("<q")
REJECTED = pa.schema([("line", pa.int64()), ("reason", pa.string()), ("raw", pa.binary()), ("size", pa.int64())])
START = """
import json, sys
sys.path[:], *what = json.loads(sys.argv[1])
from moderation.ingest.processes import serve
serve(*what)
"""


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
    damage: list[Damaged] = []
    with ExitStack() as stack:
        turns = cycle([stack.enter_context(Process(kind, mapping)) for _ in range(count)])
        busy: deque[Process] = deque()
        for block in until_damage(blocks, damage):
            batch = busy.popleft().receive() if len(busy) == DEEP * count else None
            busy.append(next(turns))
            busy[-1].send(block)
            if batch:
                yield batch
        yield from (process.receive() for process in busy)
    if damage:
        raise damage[0]


def until_damage(blocks: Iterator[Block], damage: list[Damaged]) -> Iterator[Block]:
    """The blocks before any damage of the file, which is noted."""
    try:
        yield from blocks
    except Damaged as error:
        damage.append(error)


class ProcessDied(Exception):
    """A process did not answer: says how it ended."""


class Process:
    """A process that reads blocks, one after the other; as a context it ends it."""

    def __init__(self, kind: Kind, mapping: Mapping[str, str]) -> None:
        self.socket, theirs = socket.socketpair()
        with theirs:
            what = json.dumps([sys.path, theirs.fileno(), kind, dict(mapping)])
            self.process = subprocess.Popen([sys.executable, "-c", START, what], pass_fds=[theirs.fileno()])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.socket.close()
        self.process.kill()  # it holds nothing but blocks
        self.process.wait()

    def send(self, block: Block) -> None:
        """Hands it a block; it may have one already. Raises `ProcessDied` where it has."""
        try:
            self.socket.sendall(HEADER.pack(block.first, block.too_long, len(block.content)))
            self.socket.sendall(block.content)
        except OSError as error:
            raise self.dead() from error

    def receive(self) -> Batch:
        """What it made of the first of its blocks; waits for it. Raises `ProcessDied` where it died over it."""
        try:
            return unpacked(exactly(self.socket, *SIZE.unpack(exactly(self.socket, SIZE.size))))
        except (OSError, EOFError) as error:
            raise self.dead() from error

    def dead(self) -> ProcessDied:
        """Says how it ended."""
        code = self.process.wait()
        how = f"was killed by signal {-code}" if code < 0 else f"ended with code {code}"
        return ProcessDied(f"a process that read its lines {how}")


def exactly(source: socket.socket, size: int) -> bytes:
    """So many bytes, in one call of the system mostly; raises `EOFError` where there are no more."""
    content = source.recv(size, socket.MSG_WAITALL) if size else b""  # to ask for nothing waits for something
    while len(content) < size:
        if not (more := source.recv(size - len(content), socket.MSG_WAITALL)):
            raise EOFError
        content += more
    return content


def serve(descriptor: int, kind: Kind, mapping: dict[str, str]) -> None:
    """A process: answers each block that comes through the socket, until there are no more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who started it is told, too, and ends it
    gc.freeze()
    asked, reader = socket.socket(fileno=descriptor), NdJson(kind, mapping)
    try:
        for block in ahead(received(asked)):
            answer = packed(reader.read(block))
            asked.sendall(SIZE.pack(answer.size))
            asked.sendall(answer)
    except (EOFError, ConnectionError):  # who asked is gone
        os._exit(0)


def received(source: socket.socket) -> Iterator[Block]:
    """The blocks that come through a socket; raises `EOFError` after the last."""
    while True:
        first, too_long, size = HEADER.unpack(exactly(source, HEADER.size))
        yield Block(first, exactly(source, size), too_long)


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
