"""The server: takes the port first, says where it listens once it does, and stops cleanly."""

import errno
import os
import signal
import socket
import sys
import threading
from dataclasses import replace
from pathlib import Path

import typer
import uvicorn

from moderation.audit.verdict import checked_reviewer
from moderation.errors import UsageError
from moderation.review.app import make_app
from moderation.review.background import Background
from moderation.review.pages import Refused
from moderation.review.queue import Queue
from moderation.review.state import ANY, Options, Review, load

BACKLOG = 128


def serve(output: Path, run: str | None, sample: str, options: Options, open_page: bool) -> None:
    """Serves the review page until Ctrl-C or SIGTERM.

    Raises `UsageError` for a port that is taken, and for what `load` refuses; nothing is written then.
    """
    if options.reviewer is not None:
        options = replace(options, reviewer=checked_reviewer(options.reviewer))
    listening = listen(options.host, options.port)
    try:
        options = replace(options, port=listening.getsockname()[1])
        review = load(output, run, sample, options)
        run_server(listening, review, open_page)
    finally:
        listening.close()


def run_server(listening: socket.socket, review: Review, open_page: bool) -> None:
    """Serves on a socket that listens already."""
    app = make_app(review)
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        lifespan="off",
        ws="none",
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=75,  # longer than a reviewer thinks: a word on a connection that just closed is sent again
        timeout_graceful_shutdown=3,
    )
    background = Background(review.output, review.run_id, review.folder, review.options.words)
    app.state.background = background
    server = Announcing(config, review, open_page, background)
    for one in (signal.SIGINT, signal.SIGTERM):  # uvicorn raises them again once it has stopped: that is no failure
        signal.signal(one, lambda *_: setattr(server, "should_exit", True))
    try:
        open_store(app.state.queue)
        server.run([listening])
    finally:
        background.stop()
        if app.state.queue:
            app.state.queue.store.close()


def open_store(queue: Queue | None) -> None:
    """Opens the store before the first request. What is wrong with it is said here and the page, which tries again."""
    if queue is None:
        return
    try:
        with queue.store.using(writes=False):
            pass
    except Refused as error:
        typer.echo(f"moderation: {error}", err=True)


class Announcing(uvicorn.Server):
    """A server that says where it is once it answers."""

    def __init__(self, config: uvicorn.Config, review: Review, open_page: bool, background: Background) -> None:
        super().__init__(config)
        self.review, self.open_page, self.background = review, open_page, background

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Starts, then says so."""
        await super().startup(sockets)
        announce(self.review)
        self.background.start()
        if self.open_page and has_screen():
            import webbrowser

            threading.Thread(target=webbrowser.open, args=(address(self.review),), daemon=True).start()


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens; raises `UsageError` where it cannot."""
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        found = socket.socket(family, kind, protocol)
    except OSError as error:
        raise UsageError(f"--host {host}: no such host ({error.strerror})") from error
    try:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind(place)
        found.listen(BACKLOG)
    except OSError as error:
        found.close()
        raise UsageError(refused(host, port, error)) from error
    return found


def refused(host: str, port: int, error: OSError) -> str:
    """Why a port cannot be had, and what to do."""
    if error.errno == errno.EADDRINUSE:
        return (
            f"--port {port}: is in use on {host}, perhaps by another review; take another, or --port 0 for a free one"
        )
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"--port {port}: this user may not listen there; take one above 1023, or --port 0 for a free one"
    return f"--host {host} --port {port}: cannot be listened on ({error.strerror})"


def address(review: Review, with_token: bool = True) -> str:
    """Where the page is; by the name of this machine where every interface is listened on."""
    host = socket.gethostname() if review.options.host in ANY else review.options.host
    host = f"[{host}]" if ":" in host else host
    query = f"?token={review.token}" if review.token and with_token else ""
    return f"http://{host}:{review.options.port}/{query}"


def announce(review: Review) -> None:
    """Says where the page is and what is on it."""
    about = f"sample {review.folder.path.name}, {len(review.rows):,} texts" if review.folder else "no sample yet"
    typer.echo(f"review  {address(review)}  (run {review.run_id}, {about}); Ctrl-C stops it")
    if review.folder is None:
        typer.echo("the page draws a sample, and so does 'moderation audit sample'")
    if review.token:
        typer.echo("who has this address can judge; it travels unencrypted: use it in a network that you trust")
    sys.stdout.flush()


def has_screen() -> bool:
    """Whether a browser would show in a window rather than in the terminal."""
    return sys.platform in ("darwin", "win32") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
