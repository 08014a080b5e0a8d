"""Optuna Dashboard on the storage of a run, with a password if other machines can reach it."""

import contextlib
import errno
import logging
import platform
import socket
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from wsgiref.types import WSGIApplication

import optuna_dashboard
from optuna.artifacts import FileSystemArtifactStore
from optuna.storages import BaseStorage
from waitress import create_server, wasyncore

from nas.errors import InputError
from nas.report.guard import Names, Password, guarded, is_loopback, is_wildcard

THREADS = 8
MOST_BODY = 32 * 2**20
"""Maximum bytes of a request. A request is read completely before its password is checked."""
_POLL_SECONDS = 0.2


def check_host(host: str, password: str | None) -> None:
    """Raise InputError unless `host` is the loopback of this computer or there is a password.

    Optuna Dashboard has no authentication: everybody who reaches it can delete a study and its artifacts.
    """
    if not is_loopback(host) and not password:
        raise InputError(
            f"--host {host} lets anyone on the network delete the study; give --password or set NAS_DASHBOARD_PASSWORD."
        )


def dashboard_app(
    storage: BaseStorage, artifacts: Path, password: str | None, host: str = "127.0.0.1", names: Sequence[str] = ()
) -> WSGIApplication:
    """Return the dashboard of `storage` and of the artifacts in the folder `artifacts`, which is created if missing.

    The dashboard answers only requests for `host`, `names` and the names of the loopback (`nas.report.guard`). With a
    password, every request must carry it by HTTP Basic authentication (RFC 7617), with any user name, and wrong
    passwords must wait. HTTP sends the password unencrypted. An empty password counts as no password.
    """
    artifacts.mkdir(parents=True, exist_ok=True)
    app: WSGIApplication = optuna_dashboard.wsgi(storage, artifact_store=FileSystemArtifactStore(artifacts))
    return guarded(app, Names(host, names), Password(password) if password else None)


class Server:
    """A server that listens from the start, and answers while `run` runs."""

    def __init__(self, app: WSGIApplication, listening: socket.socket, host: str) -> None:
        logging.getLogger("waitress").setLevel(logging.CRITICAL)  # keeps requests off the terminal
        self.port: int = listening.getsockname()[1]
        name = platform.node() if is_wildcard(host) else f"[{host}]" if ":" in host else host
        self.address = f"http://{name}:{self.port}/"
        self._sockets: dict[int, Any] = {}
        self._server = create_server(
            app,
            map=self._sockets,
            sockets=[listening],
            threads=THREADS,
            max_request_body_size=MOST_BODY,
            ident=None,
        )

    def run(self, should_stop: Callable[[], bool] = lambda: False) -> None:
        """Answer until Ctrl-C, or until `should_stop` turns true."""
        with contextlib.suppress(KeyboardInterrupt):
            while not should_stop():
                wasyncore.loop(timeout=_POLL_SECONDS, map=self._sockets, count=1)

    def close(self) -> None:
        """Stop listening."""
        self._server.task_dispatcher.shutdown(timeout=1)
        wasyncore.close_all(self._sockets)


@contextlib.contextmanager
def listen(app: WSGIApplication, host: str, port: int) -> Iterator[Server]:
    """Yield a server of `app` that already listens. Port 0 picks a free port, which `address` of the server tells.

    Raises InputError naming the port or the host that can't be used.
    """
    try:
        found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, *_, address = min(found, key=lambda place: place[0] != socket.AF_INET)
        listening = socket.create_server((address[0], port), family=family)
    except (OSError, OverflowError, UnicodeError) as error:
        if getattr(error, "errno", None) == errno.EADDRINUSE:
            raise InputError(f"Port {port} is in use; choose another with --port.") from None
        raise InputError(f"The dashboard can't listen on {host}, port {port}: {error}.") from None
    with listening:
        server = Server(app, listening, host)
        try:
            yield server
        finally:
            server.close()
