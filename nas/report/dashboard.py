"""Optuna Dashboard on the storage of a run, behind a password where others can reach it."""

import base64
import binascii
import contextlib
import errno
import hmac
import ipaddress
import socket
from collections.abc import Iterable
from pathlib import Path
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import optuna_dashboard
from optuna.artifacts import FileSystemArtifactStore
from optuna.storages import BaseStorage

from nas.errors import InputError


def check_host(host: str, password: str | None) -> None:
    """Raise InputError unless `host` is this computer's loopback or there is a password.

    Optuna Dashboard has no authentication of its own: whoever reaches it can delete a study and its artifacts.
    """
    try:
        loopback = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = False
    if not loopback and not password:
        raise InputError(
            f"--host {host} lets anyone on the network delete the study; give --password or set NAS_DASHBOARD_PASSWORD."
        )


def dashboard_app(storage: BaseStorage, artifacts: Path, password: str | None) -> WSGIApplication:
    """Return the dashboard of `storage` and of the artifacts in the folder `artifacts`, which is made when missing.

    With a password every request must carry it by HTTP Basic authentication (RFC 7617), under any user name. It is
    sent unencrypted, as everything over plain HTTP; an empty password is none.
    """
    artifacts.mkdir(parents=True, exist_ok=True)
    app: WSGIApplication = optuna_dashboard.wsgi(storage, artifact_store=FileSystemArtifactStore(artifacts))
    return _guarded(app, password) if password else app


def _guarded(app: WSGIApplication, password: str) -> WSGIApplication:
    def guard(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if _carries(environ.get("HTTP_AUTHORIZATION", ""), password):
            return app(environ, start_response)
        headers = [("WWW-Authenticate", 'Basic realm="dashboard", charset="UTF-8"'), ("Content-Type", "text/plain")]
        start_response("401 Unauthorized", headers)
        return [b"The dashboard needs its password.\n"]

    return guard


def _carries(authorization: str, password: str) -> bool:
    scheme, _, credentials = authorization.partition(" ")
    try:
        decoded = base64.b64decode(credentials, validate=True)
    except (binascii.Error, ValueError):
        return False
    _, _, given = decoded.partition(b":")
    # Takes the same time however much of the password is right.
    return hmac.compare_digest(given, password.encode()) and scheme.lower() == "basic"


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _ServerV6(_Server):
    address_family = socket.AF_INET6


class _QuietHandler(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Keep requests off the terminal."""


def listen(app: WSGIApplication, host: str, port: int) -> WSGIServer:
    """Return a threaded server of `app` that already listens; port 0 picks a free one (`server_port` tells which).

    Raises InputError naming the port or the host that can't be used.
    """
    kind = _ServerV6 if ":" in host else _Server
    try:
        server = kind((host, port), _QuietHandler)
    except (OSError, OverflowError) as error:
        if getattr(error, "errno", None) == errno.EADDRINUSE:
            raise InputError(f"Port {port} is in use; choose another with --port.") from None
        raise InputError(f"The dashboard can't listen on {host}, port {port}: {error}.") from None
    server.set_app(app)
    return server


def serve(app: WSGIApplication, host: str, port: int) -> None:
    """Serve `app` until Ctrl-C, which ends it cleanly. Raises InputError as `listen` does."""
    with listen(app, host, port) as server, contextlib.suppress(KeyboardInterrupt):
        server.serve_forever()
