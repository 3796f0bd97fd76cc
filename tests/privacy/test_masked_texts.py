"""What is found in texts and what is left alone, whatever the text; no text takes long."""

import ipaddress
import time

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from moderation.privacy.find import luhn
from moderation.privacy.mask import ORDER, PLACEHOLDERS, Masker

ALL = Masker(ORDER, ("US",))
# Pieces of which numbers and addresses are made, in any order: what is masked beside what is not.
PIECES = st.sampled_from(
    [*"0123456789", *" -.()/+@:xX_[]", "415", "555", "2671", "4111 1111", "1111", "fe80", "::", "a", "ab.com", "b@c.de"]
)
SOUP = st.lists(PIECES, max_size=60).map("".join)
ANYTHING = st.text(st.characters(codec=None), max_size=200)  # lone surrogates and NUL too
AROUND = st.text(st.characters(codec="utf-8", exclude_categories=["Nd", "Nl", "No"]), max_size=30)


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("mail me: Jane.Doe+x@mail.example.co.uk.", "mail me: [EMAIL]."),
        ("jane\\_doe@example.com, as Reddit's editor writes it", "[EMAIL], as Reddit's editor writes it"),
        ('"jane doe"@example.com or <mailto:j@example.org>', "[EMAIL] or <mailto:[EMAIL]>"),
        ("жук@пример.рф", "[EMAIL]"),
        ("card 4111 1111 1111 1111, 5500-0000-0000-0004 378282246310005", "card [CARD], [CARD] [CARD]"),
        ("4111 1111 1111 1112 has a wrong check digit", "4111 1111 1111 1112 has a wrong check digit"),
        ("at 203.0.113.7:8080, 2001:db8::ff00:42:8329 and ::ffff:1.2.3.4.", "at [IP]:8080, [IP] and [IP]."),
        ("addr:fe80::1%eth0", "addr:[IP]%eth0"),
        ("call (415) 555-2671, +44 20 7946 0958 or 1-800-555-0199 x12", "call [PHONE], [PHONE] or [PHONE]"),
        ("٤١٥٥٥٥٢٦٧١", "[PHONE]"),
        ("4155552671@example.com", "[EMAIL]"),
    ],
)
def test_personal_data_is_replaced_by_what_it_was(text: str, masked: str) -> None:
    assert ALL.text(text)[0] == masked


@pytest.mark.parametrize(
    "text",
    [
        "at 12:30:45 on 2024-03-01, see pages 211-227 (2003), $10,000 for 1,234,567",
        "std::vector<int> a[1::2], ::1, x@y, @someone, u/someone, 256.1.1.1, v1.2.3.4.5",
        "1136073600 seconds, 12345678901234567890, 555-1234, 2010 2011 2012 2013",
        "[EMAIL] [PHONE] [IP] [CARD]",
    ],
)
def test_what_only_looks_alike_stays(text: str) -> None:
    assert ALL.text(text) == (text, {})


def test_only_the_kinds_that_were_asked_for_are_masked() -> None:
    text = "a@b.co 10.0.0.1 4111111111111111 415-555-2671"
    for kind in ORDER:
        masked, counts = Masker((kind,), ("US",)).text(text)
        assert counts == {kind: 1} and [name for name in ORDER if PLACEHOLDERS[name] in masked] == [kind]


def test_a_number_without_its_countrys_code_is_one_in_its_region_only() -> None:
    assert Masker(("phone",), ("DE",)).text("030 901820")[0] == "[PHONE]"
    assert Masker(("phone",), ("US",)).text("030 901820")[0] == "030 901820"
    assert Masker(("phone",), ()).text("030 901820, +49 30 901820")[0] == "030 901820, [PHONE]"


@given(st.one_of(SOUP, ANYTHING))
@settings(max_examples=400)
@example("415 555 2671 415 555 2671 4155552671")
@example("a@b.co@c.de@f.gh")
def test_masking_again_changes_nothing(text: str) -> None:
    once, _ = ALL.text(text)
    assert ALL.text(once) == (once, {})


@given(st.lists(st.one_of(SOUP, ANYTHING.map(lambda text: text.encode("utf-8", "surrogatepass")), st.none())))
@settings(max_examples=150)
def test_a_column_is_masked_as_its_texts_are_whatever_bytes_it_holds(values: list[str | bytes | None]) -> None:
    raw = [value.encode() if isinstance(value, str) else value for value in values]
    binary = pa.array(raw, pa.binary())
    column = pa.Array.from_buffers(pa.string(), len(binary), binary.buffers(), binary.null_count)
    masked, counts = ALL.column(column)
    expected = [value and ALL.text(value.decode("utf-8", "surrogateescape")) for value in raw]
    assert masked.view(pa.binary()).to_pylist() == [
        one and one[0].encode("utf-8", "surrogateescape") for one in expected
    ]
    found = counts.sum(axis=1).tolist() if counts is not None else [0] * len(ORDER)
    assert found == [sum(one[1].get(kind, 0) for one in expected if one) for kind in ORDER]
    if counts is None:
        assert masked is column


def card(length: int, prefix: str, filler: int, grouped: bool) -> str:
    body = (prefix + str(filler).zfill(20))[: length - 1]
    number = next(body + digit for digit in "0123456789" if luhn(body + digit))
    return " ".join(number[at : at + 4] for at in range(0, length, 4)) if grouped and length == 16 else number


CARDS = st.builds(
    card,
    st.sampled_from([13, 15, 16, 16, 19]),
    st.sampled_from(["4", "51", "37", "6011", "3530", "2221", "62"]),
    st.integers(0, 10**12),
    st.booleans(),
)
PHONES = st.builds(
    lambda shape, area, line: shape.format(area=area, line=line),
    st.sampled_from(["+1 {area}-555-{line}", "({area}) 555-{line}", "{area}.555.{line}", "+1{area}555{line}"]),
    st.sampled_from([212, 415, 312, 206, 617]),
    st.integers(1000, 9999),
)
NAMES = st.text("abcdefghijklmnopqrstuvwxyzäøß0123456789", min_size=1, max_size=12)
EMAILS = st.one_of(st.emails(), st.builds(lambda a, b, c: f"{a}.{b}@{c}.example.org", NAMES, NAMES, NAMES))
IPS = st.one_of(
    st.ip_addresses(v=4).map(str),
    st.ip_addresses(v=6, network="2001:db8::/32").map(str),
    st.integers(0x2000 << 112, 0x3FFF << 112).map(lambda number: ipaddress.IPv6Address(number).exploded),
)


@given(AROUND, st.one_of(CARDS, PHONES, EMAILS, IPS), AROUND)
@settings(max_examples=300)
def test_what_was_planted_is_gone_and_what_stands_around_it_is_not(before: str, planted: str, after: str) -> None:
    text = f"{before} is\n{planted}\nok {after}"
    masked, _ = ALL.text(text)
    head, tail = ALL.text(f"{before} is\n")[0], ALL.text(f"\nok {after}")[0]
    assert masked in [f"{head}{placeholder}{tail}" for placeholder in PLACEHOLDERS.values()]


HOSTILE = {
    "addresses": "a@a@a@",
    "nearly addresses": "a@b.",
    "domains without an end": "@" + "a." * 400,
    "long names": "a" * 255 + "@",
    "digits": "1",
    "digits in groups": "1111 ",
    "card groups": "4111-",
    "numbers in numbers": "1.",
    "hexadecimal": "f:",
    "colons": ":",
    "brackets": "(1",
    "pluses": "+",
    "times": "2012-01-02 08:00 ",
    "separators": "1            ",
    "quotes": '"a@',
}


@pytest.mark.parametrize("piece", HOSTILE.values(), ids=HOSTILE)
def test_a_body_of_any_shape_takes_time_in_proportion_to_its_length(piece: str) -> None:
    text = (piece * (300_000 // len(piece) + 1))[:300_000]
    started = time.process_time()
    Masker(("email", "card", "ip"), ()).text(text)
    ALL.text(text[:40_000])  # as long as a post of Reddit's can be
    assert time.process_time() - started < 6


def test_megabytes_of_digits_and_of_at_signs_take_seconds_with_all_kinds() -> None:
    started = time.process_time()
    for piece in ("a@a@a@", "1", "12345678901234567890"):
        ALL.text((piece * 1_000_000)[:1_000_000])
    assert time.process_time() - started < 20
