"""Database URLs: that of a run's own study, and how one is written down."""

import re
from pathlib import Path

from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from nas.errors import InputError


def study_file_in(folder: Path) -> Path:
    """Return the path of the study that lies in a run directory."""
    return folder / "study.db"


def embedded_url(folder: Path) -> str:
    """Return the URL of the study that lies in a run directory."""
    return f"sqlite:///{study_file_in(folder).resolve()}"


def without_password(url: str) -> str:
    """Return a URL that may be written down: `PGPASSWORD` or `~/.pgpass` supply the password."""
    try:
        # `set(password=None)` would leave it as it is.
        return make_url(url)._replace(password=None).render_as_string(hide_password=False)
    except (SQLAlchemyError, ValueError):
        shown = re.sub(r"//.*@", "//", url)
        raise InputError(
            f"'{shown}' is not a database URL; write it as postgresql+psycopg://user@host/database."
        ) from None
