"""The secret that signs cookies is kept for whoever serves, is nobody else's, and is not needed where it cannot be."""

import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from moderation.errors import UsageError
from moderation.review.secret import signing_key, stored_secret, token_for
from tests.review.reviewed_run import output_with_sample


def test_it_is_made_once_and_only_its_owner_may_read_it(tmp_path) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(lambda _: stored_secret(tmp_path), range(8)))
    path = tmp_path / "audits" / ".review" / "secret"
    assert found == {path.read_bytes()} and len(path.read_bytes()) == 32
    assert stat.S_IMODE(path.stat().st_mode) == 0o600 and [one.name for one in path.parent.iterdir()] == ["secret"]


@pytest.mark.parametrize("how", ["open to others", "cut", "a folder"])
def test_one_that_cannot_be_trusted_is_not_used(tmp_path, how) -> None:
    kept = stored_secret(tmp_path)
    path = tmp_path / "audits" / ".review" / "secret"
    if how == "open to others":
        path.chmod(0o644)
    elif how == "cut":
        path.write_bytes(b"")
    else:
        path.unlink()
        path.mkdir()
    passing = stored_secret(tmp_path)
    assert passing != kept and len(passing) == 32 and stored_secret(tmp_path) == passing


def test_another_token_makes_another_key_and_a_made_one_stays(tmp_path) -> None:
    keys = [signing_key(tmp_path, token) for token in (None, "a" * 16, "b" * 16)]
    assert len(set(keys)) == 3
    assert token_for(tmp_path, None, loopback=True) is None
    token = token_for(tmp_path, None, loopback=False)
    assert token and len(token) == 32 and token == token_for(tmp_path, None, loopback=False)
    for given in ("short", "x" * 15, "é" * 16, "x" * 16 + "\n"):
        with pytest.raises(UsageError, match="16 printable ASCII letters"):
            token_for(tmp_path, given, loopback=True)


def test_a_server_starts_without_what_takes_long_to_import(tmp_path) -> None:
    output = output_with_sample(tmp_path / "out", 6)
    code = f"""
import sys
from pathlib import Path
from moderation.review.app import make_app
from moderation.review.server import serve
from moderation.review.state import Options, load
app = make_app(load(Path({str(output)!r}), None, "latest", Options(reviewer="anna")))
assert app.state.queue.current("anna").key
print(sorted({{"pandas", "torch", "pyspark", "pyarrow.dataset", "scipy", "captum", "duckdb"}} & sys.modules.keys()))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=Path(__file__).parents[2])
    assert done.stdout == "[]\n", done.stdout + done.stderr
