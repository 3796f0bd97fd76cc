"""Archives of every kind are unpacked to their end, in bounded pieces, and what is not whole is told."""

import bz2
import gzip
import io
import lzma
import os
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from moderation.errors import UsageError
from moderation.ingest import streams
from moderation.ingest.frames import Frames
from moderation.ingest.streams import Damaged, Meter, compression, pieces
from tests.ingest.made_up import lines, pack

PACKED = (".zst", ".gz", ".bz2", ".xz")
CONTENT = b"".join(lines(300))


def unpack(path: Path) -> bytes:
    with path.open("rb") as file:
        return b"".join(pieces(Meter(file, path), compression(path)))


@pytest.mark.parametrize("suffix", PACKED)
@pytest.mark.parametrize("parts", [1, 3])
def test_all_streams_of_an_archive_are_read(suffix: str, parts: int, tmp_path: Path) -> None:
    path = tmp_path / f"RC{suffix}"
    path.write_bytes(pack(CONTENT, suffix) * parts)
    assert unpack(path) == CONTENT * parts


@pytest.mark.parametrize("suffix", PACKED)
def test_no_piece_is_larger_than_a_piece_however_much_it_unfolds_to(suffix: str, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(streams, "PIECE", 10_000)
    path = tmp_path / f"RC{suffix}"
    path.write_bytes(pack(bytes(3_000_000), suffix))
    with path.open("rb") as file:
        found = [len(piece) for piece in pieces(Meter(file, path), compression(path))]
    assert sum(found) == 3_000_000
    assert max(found) <= 10_000


@pytest.mark.parametrize("suffix", PACKED)
@pytest.mark.parametrize("kept", [0.3, 0.9, 0.999])
def test_an_archive_that_is_cut_off_gives_what_it_has_and_says_so(suffix: str, kept: float, tmp_path: Path) -> None:
    packed = pack(CONTENT, suffix)
    path = tmp_path / f"RC{suffix}"
    path.write_bytes(packed[: int(len(packed) * kept)])
    found = b""
    with path.open("rb") as file, pytest.raises(Damaged, match="ends too soon"):
        for piece in pieces(Meter(file, path), compression(path)):
            found += piece
    assert CONTENT.startswith(found)


@pytest.mark.parametrize("suffix", PACKED)
def test_a_damaged_archive_is_told_by_its_place(suffix: str, tmp_path: Path) -> None:
    packed = bytearray(pack(os.urandom(50_000) + CONTENT, suffix))
    packed[len(packed) // 2 : len(packed) // 2 + 40] = bytes(40)
    (tmp_path / f"RC{suffix}").write_bytes(packed + (b"" if suffix != ".zst" else b"nonsense"))
    with pytest.raises(Damaged, match="compressed byte"):
        unpack(tmp_path / f"RC{suffix}")


def test_a_window_of_two_gigabytes_is_read(tmp_path: Path) -> None:
    settings = zstandard.ZstdCompressionParameters.from_level(1, window_log=31)
    made = io.BytesIO()
    with zstandard.ZstdCompressor(compression_params=settings).stream_writer(made, closefd=False) as writer:
        writer.write(CONTENT)
    assert zstandard.get_frame_parameters(made.getvalue()).window_size == 2**31
    (tmp_path / "RC.zst").write_bytes(made.getvalue())
    assert unpack(tmp_path / "RC.zst") == CONTENT


@pytest.mark.parametrize("head", [0, 7, 300])
def test_frames_that_are_to_be_skipped_are_skipped(head: int, tmp_path: Path) -> None:
    skippable = b"\x53\x2a\x4d\x18" + head.to_bytes(4, "little") + bytes(head)
    (tmp_path / "RC.zst").write_bytes(skippable + pack(CONTENT, ".zst") + skippable)
    assert unpack(tmp_path / "RC.zst") == CONTENT


@pytest.mark.parametrize("suffix", [".gz", ".xz"])
def test_zeros_after_an_archive_are_padding(suffix: str, tmp_path: Path) -> None:
    (tmp_path / f"RC{suffix}").write_bytes(pack(CONTENT, suffix) + bytes(512))
    assert unpack(tmp_path / f"RC{suffix}") == CONTENT


@given(
    content=st.binary(max_size=2000),
    checksum=st.booleans(),
    size=st.booleans(),
    step=st.integers(1, 50),
    cut=st.floats(0, 1, exclude_max=True),
)
def test_frames_are_whole_exactly_where_they_end(content, checksum, size, step, cut) -> None:
    library = zstandard.ZstdCompressor(write_checksum=checksum, write_content_size=size)
    made = io.BytesIO()
    with library.stream_writer(made, closefd=False) as writer:  # without a known size: a window, several blocks
        writer.write(content)
        writer.flush()
        writer.write(content * 3)
    packed = library.compress(content) + made.getvalue()
    frames = Frames()
    for start in range(0, len(packed), step):
        frames.feed(packed[start : start + step])
    assert frames.whole()
    ends = (0, len(library.compress(content)))
    stop = int(len(packed) * cut)
    part = Frames()
    part.feed(packed[:stop])
    assert part.whole() == (stop in ends[1:])


def test_a_name_that_lies_is_refused(tmp_path: Path) -> None:
    for name, content in (("a.zst", b"{}"), ("b.gz", bz2.compress(b"x")), ("c.xz", b""), ("d.parquet", b"x")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(UsageError, match="whatever its name says"):
            compression(tmp_path / name)


def test_compression_is_told_by_the_first_bytes_where_the_name_says_nothing(tmp_path: Path) -> None:
    for content in (pack(CONTENT, ".zst"), gzip.compress(CONTENT), lzma.compress(CONTENT), CONTENT):
        (tmp_path / "RC_2006-01").write_bytes(content)
        assert unpack(tmp_path / "RC_2006-01") == CONTENT
