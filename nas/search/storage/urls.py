"""URLs of databases: the full URL, and a form without secrets for files and messages."""

import re
import warnings
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, quote, quote_plus, unquote

from sqlalchemy.engine import URL

from nas.errors import InputError

_GRAMMAR = re.compile(
    r"""(?P<scheme>[a-z]\w*(?:\+\w+)?)://
    (?:(?P<user>[^:/?\#@]*)(?::(?P<password>[^@]*))?@)?
    (?P<host>[\w.%-]*|\[[0-9A-Fa-f:.]+\])(?::(?P<port>\d{1,5}))?
    (?:/(?P<database>[^@:=&;?\#]*))?
    (?:\?(?P<query>[^@\#]*))?""",
    re.VERBOSE,
)
"""Stricter than SQLAlchemy's grammar, which takes parts of a password for the host if a character is not encoded."""

_SQLITE = re.compile(r"(?P<scheme>sqlite(?:\+\w+)?)://(?::(?P<password>[^@/]*)@)?(?:/(?P<rest>.*))?", re.DOTALL)

_SCHEME = re.compile(r"(?:postgres(?:ql)?|mysql|mariadb|sqlite|oracle|mssql|cockroachdb)(?:\+\w+)?(?=:)")

_HARMLESS = (
    "host port service passfile sslmode sslcert sslkey sslrootcert sslcrl connect_timeout application_name "
    "target_session_attrs gssencmode krbsrvname charset ssl_ca ssl_cert ssl_key ssl_mode "
    "timeout mode uri cache nolock immutable vfs psow check_same_thread cached_statements"
)
"""Options whose values are not secret: names, numbers and paths. All other options are left out of files."""

_PLAIN = re.compile(r"[\w./:,~+-]*")
"""A value that can't contain another option."""

_Options = dict[str, tuple[str, ...]]

_EXAMPLE = "postgresql+psycopg://user@host/database or sqlite:////folder/study.db"


@dataclass(frozen=True)
class DatabaseUrl:
    """The URL of a database, with and without its secrets."""

    full: str
    """The URL that opens the database; it may contain secrets."""
    shown: str
    """The URL for files and messages; `PGPASSWORD` or `~/.pgpass` can supply the password."""
    left_out: tuple[str, ...] = ()
    """The names of the options that `shown` lacks."""
    secrets: tuple[str, ...] = ()
    file: Path | None = None
    """The file of an SQLite database."""

    @property
    def is_sqlite(self) -> bool:
        """Whether the database is a file."""
        return self.full.startswith("sqlite")

    def reason(self, error: BaseException) -> str:
        """Return the first line of what a driver says, without its full stop and without secrets."""
        text = (str(error).splitlines() or [type(error).__name__])[0]
        for secret in self.secrets:
            text = text.replace(secret, "***")
        return text.rstrip(".")


def study_file_in(folder: Path) -> Path:
    """Return the path of the study that lies in a run directory."""
    return folder / "study.db"


def embedded_url(folder: Path) -> str:
    """Return the URL of the study that lies in a run directory."""
    return _render("sqlite", database=str(study_file_in(folder).resolve()))


def read_url(text: str) -> DatabaseUrl:
    """Read a SQLAlchemy URL. Raises InputError, which shows only the scheme of the URL."""
    if match := _SQLITE.fullmatch(text):
        return _sqlite(match)
    match = _GRAMMAR.fullmatch(text)
    if not match:
        shown = f"{scheme[0]}:…" if (scheme := _SCHEME.match(text)) else "that was given"
        raise InputError(
            f"The storage {shown} is not a database URL; write it as {_EXAMPLE}"
            " (in a password @ : / ? # and % are written %40 %3A %2F %3F %23 and %25)."
        )
    user, password, database = map(_decoded, match.group("user", "password", "database"))
    host = match["host"].strip("[]") or None
    port = int(match["port"]) if match["port"] else None
    options, kept, left_out, secrets = _options(match["query"] or "")
    if match["password"]:
        secrets += _spellings(match["password"])
    place = {"username": user, "host": host, "port": port, "database": database}
    return DatabaseUrl(
        _render(match["scheme"], password=password, query=options, **place),
        _render(match["scheme"], query=kept, **place),
        left_out,
        tuple(secrets),
    )


def without_secrets(text: str) -> str:
    """Return a URL without secrets, and warn of the options that were left out. Raises InputError."""
    url = read_url(text)
    if url.left_out:
        names = ", ".join(f"'{name}'" for name in url.left_out)
        warnings.warn(
            f"{names} of the --storage URL may be secret and is not stored; give the URL again to continue",
            stacklevel=2,
        )
    return url.shown


def _sqlite(match: re.Match[str]) -> DatabaseUrl:
    scheme, rest = match["scheme"], match["rest"] or ""
    path, _, query = rest.partition("?")
    if query and "=" not in query:  # the question mark belongs to the path
        path, query = rest, ""
    path = unquote(path)
    if path in ("", ":memory:"):
        raise InputError("A search needs an SQLite database in a file: sqlite:////folder/study.db.")
    options, _, left_out, _ = _options(query)
    if left_out:
        raise InputError(
            f"'{left_out[0]}' is not an option of an SQLite database; write a ? in the path of the file as %3F."
        )
    file = None if path.startswith("file:") else Path(path).resolve()
    shown = _render(scheme, database=str(file or path), query=options)
    if not match["password"]:
        return DatabaseUrl(shown, shown, file=file)
    full = _render(scheme, username="", password=unquote(match["password"]), database=str(file or path), query=options)
    return DatabaseUrl(full, shown, secrets=tuple(_spellings(match["password"])), file=file)


def _options(query: str) -> tuple[_Options, _Options, tuple[str, ...], list[str]]:
    """Return all options of a URL, the options that may be shown, and the names and values of the secret options."""
    options: dict[str, tuple[str, ...]] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        options[name] = (*options.get(name, ()), value)
    kept: _Options = {}
    left_out: list[str] = []
    secrets: list[str] = []
    for name, values in options.items():
        if name in _HARMLESS.split() and all(_PLAIN.fullmatch(value) for value in values):
            kept[name] = values
            continue
        is_name = re.fullmatch(r"[a-z_]{3,20}", name) is not None  # else the name may be a piece of a secret, too
        left_out.append(name if is_name else "an option")
        for secret in (*values, *([] if is_name else [name])):
            secrets += _spellings(secret)
    return options, kept, tuple(left_out), secrets


def _decoded(part: str | None) -> str | None:
    return None if part is None else unquote(part)


def _spellings(secret: str) -> list[str]:
    decoded = unquote(secret)
    return sorted({secret, decoded, quote(decoded, safe=""), quote_plus(decoded)} - {""}, key=len, reverse=True)


def _render(scheme: str, query: _Options | None = None, **parts: str | int | None) -> str:
    """Return a URL from its parts, with their special characters encoded."""
    try:
        return URL.create(scheme, query=query or {}, **parts).render_as_string(hide_password=False)  # type: ignore[arg-type]
    except UnicodeEncodeError:
        path = str(parts["database"]).encode(errors="backslashreplace").decode()
        raise InputError(f"SQLite can't open {path}, a path that isn't UTF-8; work in another folder.") from None
