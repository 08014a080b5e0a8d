"""Protection of the dashboard: it answers requests for its own names, from its own pages, with its password."""

import base64
import binascii
import hashlib
import hmac
import ipaddress
import platform
import re
import socket
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

FREE_GUESSES = 3
"""Number of wrong passwords of a client without a wait, since people mistype."""
MOST_WAIT = 60.0
"""Maximum wait in seconds; the wait after a wrong password doubles from 1 up to this."""
MOST_CLIENTS = 1024
"""Maximum number of remembered clients; the client with the oldest wrong password is forgotten first."""

_SAFE = ("GET", "HEAD", "OPTIONS")
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def is_loopback(host: str) -> bool:
    """Return whether only this computer reaches a server on `host`."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_wildcard(host: str) -> bool:
    """Return whether `host` stands for all addresses of this computer."""
    return host in ("", "0.0.0.0", "::")


@dataclass(frozen=True)
class Names:
    """The names under which browsers may ask for the dashboard.

    A page of somebody else can make its own name lead to this computer (DNS rebinding). The browser then takes the
    dashboard for a part of that page. The `Host` header reveals this name.
    """

    host: str
    """The host that the dashboard listens on."""
    others: Collection[str] = ()
    """Other names that lead to the dashboard, such as that of a proxy."""

    def allow(self, header: str | None) -> bool:
        """Return whether a `Host` header names the dashboard."""
        name = _name(header or "")
        if not name:
            return False
        if name in (*_LOOPBACK, self.host.casefold(), *map(str.casefold, self.others)):
            return True
        return is_wildcard(self.host) and (_is_address(name) or name in _names_of_this_computer())

    def allow_origin(self, origin: str | None, header: str | None) -> bool:
        """Return whether a request that changes something comes from a page of the dashboard, or from no page."""
        if origin is None:
            return True
        place = urlsplit(origin).netloc.casefold()
        return bool(place) and (place == (header or "").casefold() or _name(place) in map(str.casefold, self.others))


def _name(place: str) -> str:
    """Return the host of `host:port`; empty if malformed."""
    match = re.fullmatch(r"(?:\[([0-9a-f:.]+)\]|([\w.-]+))(?::\d+)?", place.casefold())
    return (match[1] or match[2].rstrip(".")) if match else ""


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _names_of_this_computer() -> set[str]:
    return {platform.node().casefold(), socket.gethostname().casefold(), socket.getfqdn().casefold()}


class Password:
    """Checks passwords. Each wrong password makes the client wait longer."""

    def __init__(self, password: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._password = password.encode()
        self._clock = clock
        self._lock = threading.Lock()
        self._clients: OrderedDict[str, _Guesses] = OrderedDict()

    def check(self, client: str, authorization: str) -> float | None:
        """Return None for the right password, else the seconds until this client may try again.

        A request without a password does not count as a guess, nor does a repetition of the same wrong password (a page
        that reloads). While a client waits, its passwords are not checked.
        """
        with self._lock:
            client = _network(client)
            guesses, now = self._clients.get(client, _Guesses()), self._clock()
            if guesses.until > now:
                return guesses.until - now
            given = _password_in(authorization)
            # The comparison takes the same time, however much of the password is right.
            if given is not None and hmac.compare_digest(given, self._password):
                self._clients.pop(client, None)
                return None
            last = hashlib.sha256(authorization.encode()).digest()
            if not authorization or last == guesses.last:
                return 0.0
            count = guesses.count + 1
            wait = min(2.0 ** (count - FREE_GUESSES - 1), MOST_WAIT) if count > FREE_GUESSES else 0.0
            self._clients[client] = _Guesses(min(count, 99), last, now + wait)
            self._clients.move_to_end(client)
            while len(self._clients) > MOST_CLIENTS:
                self._clients.popitem(last=False)
            return wait

    @property
    def remembered(self) -> int:
        """Number of remembered clients."""
        return len(self._clients)


@dataclass(frozen=True)
class _Guesses:
    count: int = 0
    last: bytes = b""
    until: float = 0.0


def _network(client: str) -> str:
    """Return the IPv4 address, or the /64 network of an IPv6 address, in which one client has all addresses."""
    try:
        address = ipaddress.ip_address(client)
    except ValueError:
        return client
    return client if address.version == 4 else str(ipaddress.ip_network((address, 64), strict=False))


def _password_in(authorization: str) -> bytes | None:
    """Return the password of an `Authorization` header; None if malformed."""
    scheme, _, credentials = authorization.partition(" ")
    try:
        decoded = base64.b64decode(credentials, validate=True)
    except (binascii.Error, ValueError):
        return None
    return decoded.partition(b":")[2] if scheme.lower() == "basic" else None


def guarded(app: WSGIApplication, names: Names, password: Password | None) -> WSGIApplication:
    """Return an application that passes allowed requests on to `app`, and refuses others in one sentence."""

    def guard(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        header = environ.get("HTTP_HOST")

        def refuse(status: str, sentence: str, *headers: tuple[str, str]) -> Iterable[bytes]:
            start_response(status, [("Content-Type", "text/plain; charset=utf-8"), *headers])
            return [f"{sentence}\n".encode()]

        if not names.allow(header):
            shown = _name(header or "") or "that name"
            return refuse(
                "421 Misdirected Request",
                f"The dashboard doesn't answer to {shown}; start it with --host or --name {shown} if it should.",
            )
        if environ["REQUEST_METHOD"] not in _SAFE and not names.allow_origin(environ.get("HTTP_ORIGIN"), header):
            return refuse("403 Forbidden", "Only the dashboard's own pages may change something here.")
        if password is not None:
            wait = password.check(environ.get("REMOTE_ADDR", ""), environ.get("HTTP_AUTHORIZATION", ""))
            if wait:
                seconds = str(int(wait) + 1)
                return refuse(
                    "429 Too Many Requests", f"Wait {seconds} s before the next password.", ("Retry-After", seconds)
                )
            if wait is not None:
                realm = 'Basic realm="dashboard", charset="UTF-8"'
                return refuse("401 Unauthorized", "The dashboard needs its password.", ("WWW-Authenticate", realm))
        return app(environ, _unframed(start_response))

    return guard


def _unframed(start_response: StartResponse) -> StartResponse:
    """Forbid other pages to show the dashboard in a frame, where they could redirect clicks."""

    def start(*arguments: Any) -> Callable[[bytes], object]:
        status, headers, *error = arguments
        return start_response(status, [*headers, ("X-Frame-Options", "SAMEORIGIN")], *error)

    return start
