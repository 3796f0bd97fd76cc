"""Parquet files that are damaged, or lie about themselves."""

import base64
from pathlib import Path
from random import Random

import pyarrow as pa
from pyarrow import parquet

from tests.hostile.cases import ROWS, Case, Maker, as_file, ordinary, with_bytes, write

TAIL = 8  # the last bytes of a file: the footer's length and the magic
NOT_PARQUET = "not a readable Parquet file"
DAMAGED = "the file is damaged and cannot be read to its end"
OUTSIDE = "beyond the end of the file"
CONTRADICTS = "the footer contradicts itself"
ZIGZAG_ROWS = b"\x16\xd0\x0f"  # Thrift's compact form of a 64-bit field that holds 1,000
ZIGZAG_MORE = b"\x16\xb8\x17"  # 1,500


def noise(length: int, seed: int = 1) -> bytes:
    """Bytes without order."""
    return Random(seed).randbytes(length)


def footer_start(content: bytes) -> int:
    """Where a file's footer begins."""
    return len(content) - TAIL - int.from_bytes(content[-TAIL:-4], "little")


def with_footer_length(length: int) -> Maker:
    return with_bytes(lambda content: content[:-TAIL] + length.to_bytes(4, "little") + content[-4:])


def garbage_footer(content: bytes) -> bytes:
    start = footer_start(content)
    return content[:start] + noise(len(content) - TAIL - start) + content[-TAIL:]


def lying(which: slice) -> Maker:
    """A maker of a file whose footer says 1,500 in some of the places where it should say 1,000."""

    def change(content: bytes) -> bytes:
        start = footer_start(content)
        parts = content[start:].split(ZIGZAG_ROWS)
        seams = [ZIGZAG_ROWS] * (len(parts) - 1)
        seams[which] = [ZIGZAG_MORE] * len(seams[which])
        footer = b"".join(part + seam for part, seam in zip(parts, [*seams, b""], strict=True))
        return content[:start] + footer

    return with_bytes(change)


def page_spoilt(**options: object) -> Maker:
    """A maker of a file of which the middle of the bodies is noise, with a fine footer."""

    def make(folder: Path) -> Path:
        path = write(ordinary(), folder / "x.parquet", use_dictionary=False, **options)
        chunk = parquet.read_metadata(path).row_group(0).column(1)
        content = bytearray(path.read_bytes())
        middle = chunk.data_page_offset + chunk.total_compressed_size // 2
        length = chunk.total_compressed_size // 4
        content[middle : middle + length] = noise(length)
        path.write_bytes(content)
        return path

    return make


def late_damage(folder: Path) -> Path:
    """Ten row groups of which the eighth is damaged: others are read and scored before anybody knows."""
    path = write(ordinary(10_000), folder / "x.parquet", row_group_size=1000, use_dictionary=False)
    chunk = parquet.read_metadata(path).row_group(7).column(1)
    content = bytearray(path.read_bytes())
    content[chunk.data_page_offset : chunk.data_page_offset + 200] = noise(200)
    path.write_bytes(content)
    return path


def encrypted(plaintext_footer: bool) -> Maker:
    """A maker of a file whose bodies are encrypted, by Parquet's own modular encryption."""
    from pyarrow.parquet import encryption

    class Keys(encryption.KmsClient):
        def wrap_key(self, key_bytes: bytes, master_key_identifier: str) -> bytes:
            return base64.b64encode(key_bytes)

        def unwrap_key(self, wrapped_key: bytes, master_key_identifier: str) -> bytes:
            return base64.b64decode(wrapped_key)

    def make(folder: Path) -> Path:
        settings = encryption.EncryptionConfiguration(
            footer_key="k", column_keys={"c": ["body"]}, plaintext_footer=plaintext_footer
        )
        factory = encryption.CryptoFactory(lambda _: Keys())
        properties = factory.file_encryption_properties(encryption.KmsConnectionConfig(), settings)
        return write(ordinary(), folder / "x.parquet", encryption_properties=properties)

    return make


def cut_at_every_eighth(folder: Path) -> Path:
    return with_bytes(lambda content: content[: len(content) * 7 // 8])(folder)


def many_nulls(folder: Path) -> Path:
    """Twenty million rows in less than 100 kB: all null, run-length encoded."""
    rows = 20_000_000
    nothing = pa.nulls(rows, pa.int8())
    table = pa.table({"id": nothing, "body": pa.nulls(rows, pa.string())})
    return write(table, folder / "x.parquet", compression="zstd", row_group_size=rows)


FOUND = [
    Case("a file of zero bytes", with_bytes(lambda _: b""), 2, NOT_PARQUET),
    Case("nothing but the magic", with_bytes(lambda _: b"PAR1"), 2, NOT_PARQUET),
    Case("text that is called .parquet", with_bytes(lambda _: b"id,body\n1,hello\n" * 50), 2, NOT_PARQUET),
    Case("noise that is called .parquet", with_bytes(lambda _: noise(5000)), 2, NOT_PARQUET),
    Case("a zip archive that is called .parquet", with_bytes(lambda _: b"PK\x03\x04" + noise(5000)), 2, NOT_PARQUET),
    Case("a file cut off in the middle", cut_at_every_eighth, 2, NOT_PARQUET),
    Case("a file cut off by one byte", with_bytes(lambda content: content[:-1]), 2, NOT_PARQUET),
    Case("a file without its first half", with_bytes(lambda content: content[len(content) // 2 :]), 2, OUTSIDE),
    Case("a wrong magic at the end", with_bytes(lambda content: content[:-4] + b"ORC1"), 2, NOT_PARQUET),
    Case("a footer length beyond the file", with_footer_length(2**31 - 1), 2, NOT_PARQUET),
    Case("a negative footer length", with_footer_length(2**32 - 8), 2, NOT_PARQUET),
    Case("a footer length of zero", with_footer_length(0), 2, NOT_PARQUET),
    Case("a footer length that is too short", with_footer_length(40), 2, NOT_PARQUET),
    Case("a footer of noise with the right length", with_bytes(garbage_footer), 2, NOT_PARQUET),
    Case("an encrypted footer", encrypted(plaintext_footer=False), 2, NOT_PARQUET),
    Case("an encrypted body column", encrypted(plaintext_footer=True), 2, "holds encrypted columns"),
    Case("the magic of an encrypted file", with_bytes(lambda content: content[:-4] + b"PARE"), 2, NOT_PARQUET),
    Case("more rows in the footer than in its row groups", lying(slice(0, 1)), 2, CONTRADICTS),
    Case("a row group with fewer values than rows", lying(slice(1, 2)), 2, CONTRADICTS),
    Case("a run-length bomb: 20,000,000 null rows in less than 100 kB", many_nulls, 2, "more than any dump does"),
    Case("no rows", as_file(lambda: ordinary(0)), 2, "no rows in 1 Parquet file(s)", names=""),
    Case("no columns", as_file(lambda: pa.table({})), 2, "no column 'id'"),
]
READ = [
    Case(
        "rows, values and row groups all said to be more than there are",
        lying(slice(None)),
        2,
        "the file ends at row 1,000",
    ),
    Case("a damaged page of zstd", page_spoilt(compression="zstd"), 2, DAMAGED),
    Case("a damaged page of snappy", page_spoilt(compression="snappy"), 2, DAMAGED),
    Case("a damaged page of gzip", page_spoilt(compression="gzip"), 2, DAMAGED),
    Case("a damaged page without compression", page_spoilt(compression="none"), 2, DAMAGED),
    Case(
        "a damaged page that only its checksum tells",
        page_spoilt(compression="none", write_page_checksum=True),
        2,
        DAMAGED,
    ),
    Case("a damaged page in the eighth of ten row groups", late_damage, 2, DAMAGED),
]
assert ROWS == 1000  # what the patterns above are for
