"""What `moderation ingest` does with hostile sources; the tests of it, in `tests/ingest/`, are named here."""

# The source, what happens, the exit code, and the test; what stands in “quotes” or `ticks` stands in that test.
INGESTED: list[tuple[str, str, int, str]] = [
    (
        "a .zst bomb: 12 MB in less than 5 kB, with `--max-bytes 1000000`",
        "refused: “more than 1,000,000 bytes”, nothing of it is taken",
        2,
        "test_ingest.py::test_a_bomb_is_refused_and_leaves_nothing",
    ),
    (
        "an archive that is cut off (.zst, .bz2, .xz, .gz)",
        "refused: “ends too soon”; other sources are taken; “--allow-truncated” takes what can be read",
        2,
        "test_ingest.py::test_a_truncated_archive_is_not_taken_unless_that_is_allowed",
    ),
    (
        "an archive that is damaged in the middle",
        "refused: told by its “compressed byte”",
        2,
        "test_streams.py::test_a_damaged_archive_is_told_by_its_place",
    ),
    (
        "a name that lies about the compression",
        "refused: “whatever its name says”",
        2,
        "test_streams.py::test_a_name_that_lies_is_refused",
    ),
    (
        "a line of 100 MB",
        "that line in quarantine by its beginning: `line_too_long`",
        0,
        "test_ingest.py::test_a_line_of_a_hundred_megabytes_is_quarantined_by_its_beginning",
    ),
    (
        "lines that are no JSON, no object, no UTF-8, hold lone surrogates or a key twice",
        "each in quarantine with its number: `not_json`, `not_object`, `not_utf8`, `lone_surrogate`, `duplicate_key`",
        0,
        "test_ingested_rows.py::test_a_broken_line_among_good_ones_is_told_by_number_and_reason",
    ),
    (
        "lines without id or body, with a time that is none",
        "each in quarantine: `id_missing`, `id_not_text`, `body_missing`, `body_not_text`, `timestamp_unreadable`",
        0,
        "test_ingested_rows.py::test_a_broken_line_among_good_ones_is_told_by_number_and_reason",
    ),
    (
        "CSV with too many or too few fields",
        "that record in quarantine: `wrong_columns`",
        0,
        "test_tables.py::test_broken_records_are_told_by_their_first_line",
    ),
    (
        "CSV with a quote that never ends",
        "one record in quarantine, memory bounded: `not_csv`",
        0,
        "test_tables.py::test_a_field_without_end_costs_one_record_and_bounded_memory",
    ),
    (
        "Parquet that is cut off",
        "refused: “not a readable Parquet file”",
        2,
        "test_tables.py::test_parquet_that_is_cut_off_is_refused_in_one_line",
    ),
    (
        "a loop of links, an empty folder, nothing there",
        "refused: “loop of symbolic links”, “holds no dump”, “no such file”",
        2,
        "test_ingest.py::test_sources_that_will_not_do_are_named_before_anything_is_written",
    ),
    (
        "any bytes at all",
        "every line is accounted for",
        0,
        "test_ingested_rows.py::test_any_bytes_are_a_file_of_which_every_line_is_accounted_for",
    ),
    (
        "`kill -9` at any moment",
        "nothing lost, doubled or shown half; the same command goes on",
        0,
        "test_kill.py::test_kills_at_any_moment_lose_nothing_double_nothing_and_hide_nothing",
    ),
]
