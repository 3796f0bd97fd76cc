"""A hub of one's own: what huggingface_hub asks of one to download a model, answered from folders."""

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit


@contextmanager
def hub(folders: dict[str, Path], requests: list[str]) -> Iterator[str]:
    """Serves each folder under its name at one commit; notes all requests; gives the address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.answer(True)

        def do_HEAD(self) -> None:
            self.answer(False)

        def answer(self, whole: bool) -> None:
            path = unquote(urlsplit(self.path).path)
            requests.append(path)
            owner, name, *rest = path.removeprefix("/api/models/").strip("/").split("/")
            folder = folders.get(f"{owner}/{name}")
            if folder is None:
                self.send(404, b"", {"X-Error-Code": "RepoNotFound"}, whole)
            elif rest and rest[0] != "resolve" and rest[1] not in ("main", commit(folder)):
                self.send(404, b"", {"X-Error-Code": "RevisionNotFound"}, whole)
            elif not path.startswith("/api/"):
                content = (folder / "/".join(rest[2:])).read_bytes()
                digest = hashlib.sha256(content).hexdigest()
                self.send(200, content, {"ETag": f'"{digest}"', "X-Repo-Commit": commit(folder)}, whole)
            elif rest and rest[0] == "tree":
                self.send(200, json.dumps(tree(folder)).encode(), {}, whole)
            else:
                about = {"id": f"{owner}/{name}", "sha": commit(folder), "siblings": []}
                self.send(200, json.dumps(about).encode(), {}, whole)

        def send(self, code: int, content: bytes, headers: dict[str, str], whole: bool) -> None:
            self.send_response(code)
            for key, value in ({"Content-Length": str(len(content))} | headers).items():
                self.send_header(key, value)
            self.end_headers()
            if whole:
                self.wfile.write(content)

        def log_message(self, *arguments: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def commit(folder: Path) -> str:
    """A name of 40 hexadecimal digits for a folder's content."""
    return hashlib.sha1(str(folder).encode()).hexdigest()


def tree(folder: Path) -> list[dict[str, object]]:
    """A folder's files as the hub lists them."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return [
        {
            "type": "file",
            "path": str(path.relative_to(folder)),
            "size": path.stat().st_size,
            "oid": hashlib.sha1(path.read_bytes()).hexdigest(),
        }
        for path in files
    ]
