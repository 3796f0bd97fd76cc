"""Phone numbers in a text, by Google's libphonenumber in its port `phonenumbers`."""

import re
import sys
from collections.abc import Iterator, Sequence

from moderation.errors import UsageError
from moderation.privacy.find import Span

FEWEST = 7  # digits of a number that is masked
# What libphonenumber takes within a number. It is asked about runs of these alone, as its own search is slow, and
# quadratic in a text that is full of times of day.
RUN = re.compile(
    "[\\d+\uff0bx\\-\u2010-\u2015\u2212\u30fc\uff0d-\uff0f \u00a0\u00ad\u200b\u2060\u3000()\uff08\uff09\uff3b\uff3d"
    f".\\[\\]/~\u2053\u223c\uff5e]{{{FEWEST},}}"
)
DIGIT = re.compile(r"\d")
AFTER = 24  # characters behind a run: an extension, and what tells that it is no number


def phones(text: str, regions: Sequence[str]) -> Iterator[Span]:
    """Valid numbers, of all countries with a + and of these regions without; ZZ is the library's word for none."""
    from phonenumbers import Leniency, PhoneNumberMatcher

    for run in RUN.finditer(text):
        if len(DIGIT.findall(run[0])) < FEWEST:
            continue
        start = max(0, run.start() - 1)
        piece = text[start : run.end() + AFTER]
        for region in regions or ["ZZ"]:
            found = PhoneNumberMatcher(piece, region, Leniency.VALID, sys.maxsize, FEWEST)
            yield from ((start + match.start, start + match.end) for match in found)


def check_phones(regions: Sequence[str]) -> None:
    """Raises `UsageError` where the library is not there, or knows none of a region."""
    try:
        from phonenumbers import SUPPORTED_REGIONS
    except ImportError as error:
        raise UsageError(
            "privacy: mask_pii finds phone numbers with the extra 'privacy': pip install 'moderation-batch[privacy]', "
            "or leave phone out of privacy.kinds"
        ) from error
    for region in regions:
        if region not in SUPPORTED_REGIONS:
            raise UsageError(
                f"privacy.regions: no country '{region}' (two capital letters of ISO 3166, for example US)"
            )
