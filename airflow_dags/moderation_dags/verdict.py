"""The jobs' exit codes, as what Airflow should do next: fail for good, or try again."""

import re
from collections.abc import Iterable

from airflow.sdk.exceptions import AirflowException, AirflowFailException

MISTAKE, REFUSED = 2, 3
BUSY = "another run is writing there"  # moderation's words where another run holds the output folder
CODE = re.compile(r"Error code is: (\d+)\.")


class JobFailed(AirflowException):
    """A job that may well succeed on another try."""


def verdict(code: int, lines: Iterable[str]) -> AirflowException:
    """The exception for an exit code other than 0; its message is what the job said of itself.

    2 (the caller's mistake) and 3 (refused by the gate) do not heal, so Airflow must not try again; a busy output
    folder and anything else may.
    """
    said = own_words(list(lines))
    if code == MISTAKE and BUSY not in said:
        return AirflowFailException(said or "the job was given something wrong (exit code 2); its log says what")
    if code == REFUSED:
        return AirflowFailException(said or "the gate refused to publish (exit code 3); the log says why")
    return JobFailed(f"exit code {code}: {said or 'see the lines above'}")


def own_words(lines: list[str]) -> str:
    """From the last line that begins with `moderation: ` on: one line, or the reasons of a refusal."""
    starts = [number for number, line in enumerate(lines) if line.startswith("moderation: ")]
    if not starts:
        return ""
    first, *rest = lines[starts[-1] :]
    reasons = []
    for line in rest:
        if not line.lstrip().startswith(("- ", "report: ", "staged rows: ")):
            break
        reasons.append(line)
    return "\n".join([first, *reasons])


def code_of(error: BaseException) -> int | None:
    """The exit code in the message of the provider's exception."""
    found = CODE.search(str(error))
    return int(found.group(1)) if found else None
