"""E-mail addresses, payment cards and IP addresses in a text: where they begin and end.

Every pattern takes time in proportion to the text, whatever the text: no repetition within a repetition can match the
same characters in two ways, and what has no bound of its own is given one.
"""

import re
from collections.abc import Iterator
from ipaddress import AddressValueError, IPv6Address

Span = tuple[int, int]

# RFC 5322's atoms in any script, and the backslash that Markdown sets before an underscore.
LOCAL = re.compile(r"[\w.!#$%&'*+/=?^`{|}~\\-]{1,256}|\"[^\"\n]{1,128}\"")
DOMAIN = re.compile(r"(?:[\w-]{1,63}\.){1,126}[^\W\d_][\w-]{1,62}")
LONGEST_LOCAL = 256

GAP = "[ \\-\u00a0\u2007\u2009\u2010-\u2013\u202f]"  # between the groups of a card's digits
DIGIT_RUN = re.compile(rf"\d(?:{GAP}?\d){{12,}}")
DIGIT_GROUP = re.compile(r"\d+")
# Mastercard, Mir (2200-2204, 2221-2720), Amex, Diners, JCB (3), Visa (4), Maestro (5), Discover, UnionPay (6):
# issuers' numbers of ISO/IEC 7812-1.
ISSUER = re.compile(r"[3-6]|2(?:20[0-4]|22[1-9]|2[3-9]|[3-6]|7[01]|720)")
FIRST_DIGITS = range(2, 7)
CARD_DIGITS = range(13, 20)
CARD_GROUP = range(3, 8)

OCTET = r"(?:25[0-5]|2[0-4][0-9]|[01]?[0-9]?[0-9])"
IPV4 = re.compile(rf"(?<![0-9])(?<![0-9]\.){OCTET}(?:\.{OCTET}){{3}}(?![0-9])(?!\.[0-9])")
IPV6 = re.compile(r"(?<!\w)(?:[0-9A-Fa-f]{1,4}|(?=::))(?::[0-9A-Fa-f]{0,4}){2,8}(?![0-9A-Fa-f])(?:\.[0-9]{1,3}){0,3}")


def emails(text: str) -> Iterator[Span]:
    """Addresses with a domain of two parts or more; the text is asked at each @ for what stands before and after it."""
    at = text.find("@")
    while at >= 0:
        if domain := DOMAIN.match(text, at + 1):
            before = text[max(0, at - LONGEST_LOCAL) : at][::-1]
            if local := LOCAL.match(before):
                yield at - local.end(), domain.end()
        at = text.find("@", at + 1)


def cards(text: str) -> Iterator[Span]:
    """Numbers of 13 to 19 digits, in one piece or in groups, that an issuer may have given and whose check digit is
    right."""
    for run in DIGIT_RUN.finditer(text):
        groups = [group.span() for group in DIGIT_GROUP.finditer(text, *run.span())]
        for number, (first, _) in enumerate(groups):
            if int(text[first]) not in FIRST_DIGITS:
                continue
            for piece in card_shapes(groups[number : number + 6]):
                digits = "".join(str(int(digit)) for start, end in piece for digit in text[start:end])
                if ISSUER.match(digits) and luhn(digits):
                    yield piece[0][0], piece[-1][1]


def card_shapes(groups: list[Span]) -> Iterator[list[Span]]:
    """The first group alone, and with those that follow, where they have a card's number of digits."""
    digits = 0
    for count, (start, end) in enumerate(groups, 1):
        digits += end - start
        if digits > CARD_DIGITS[-1] or (count > 1 and any(e - s not in CARD_GROUP for s, e in groups[:count])):
            return
        if digits in CARD_DIGITS:
            yield groups[:count]


def luhn(digits: str) -> bool:
    """Whether the last digit is right (ISO/IEC 7812-1, annex B)."""
    doubled = (sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2])
    return (sum(map(int, digits[-1::-2])) + sum(doubled)) % 10 == 0


def addresses(text: str) -> Iterator[Span]:
    """IPv4 and IPv6 addresses."""
    for found in IPV4.finditer(text):
        yield found.span()
    if "::" in text or text.count(":") >= 7:
        for found in IPV6.finditer(text):
            written = found[0].rstrip(".")
            while written and not names_a_host(written):
                written = written[:-1] if written.endswith(":") else ""
            if written:
                yield found.start(), found.start() + len(written)


def names_a_host(written: str) -> bool:
    """Whether it is an IPv6 address of some length: `::1` is everyone's, and `a::b` or `[1::2]` are code."""
    if sum(character not in ":." for character in written) < 5:
        return False
    try:
        IPv6Address(written)
    except AddressValueError:
        return False
    return True
