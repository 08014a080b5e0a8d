"""The table of trained architectures: each with its costs and the curves of its trainings, in one file."""

import gzip
import io
import json
import zlib
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from nas.cost import HR_SIZE
from nas.errors import InputError
from nas.fields import in_words
from nas.files import make_folder, write_atomic
from nas.image_size import Size
from nas.training.recipe import Recipe
from search_spaces import Architecture, SpaceError, UnknownNameError
from search_spaces.documents import DocumentError, parse_json, shown

SHIPPED = Path(__file__).resolve().parent / "tables"
"""The folder with the tables that come with the project."""

SCHEMA = 1
"""The version of the fields of the file; other versions are refused."""

_MAGIC_OF_GZIP = b"\x1f\x8b"

_MOST_BYTES = 1 << 28
"""Maximum size of a table that is read, uncompressed; a thousand networks with curves need a megabyte."""


class _Fields(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Training(_Fields):
    """One training of an architecture."""

    seed: int
    """0, 1, …; together with the fingerprint it decides start weights and patches."""
    curve: tuple[tuple[int, float], ...] = ()
    """Pairs of steps and validation PSNR in dB, all from one training with one learning rate schedule."""
    ssim: float | None = None
    """SSIM after the last step."""
    training_seconds: float = 0.0
    """Seconds by the clock of the table, without validations."""
    validation_seconds: float = 0.0
    """Seconds of all validations of the curve."""
    failure: str | None = None
    """Why there is no curve, for instance a divergence; None if there is one."""
    is_reference: bool = False
    """Whether the training used the reference recipe of the header."""


class Row(_Fields):
    """An architecture with its costs, its trainings and the scores of proxies."""

    architecture: Mapping[str, Any]
    """The architecture as plain data, as in an `architecture.yaml`."""
    name: str | None = None
    """SPACE/POINT of a published network, with the pinned choices of the space as in a search."""
    macs: int
    params: int
    trainings: tuple[Training, ...] = ()
    """The trainings by increasing seed, those by the reference recipe last."""
    proxies: Mapping[str, float | None] = {}
    """The scores by the names of the proxies; None: the proxy gave no score."""
    proxy_seconds: Mapping[str, float] = {}
    """The seconds of scores that were timed, by the names of the proxies."""

    @cached_property
    def network(self) -> Architecture:
        """The architecture."""
        return Architecture.from_dict(self.architecture)

    @property
    def trained(self) -> tuple[Training, ...]:
        """The trainings that did not fail."""
        return tuple(training for training in self.trainings if training.failure is None)


class Header(_Fields):
    """The conditions of all rows."""

    label: str = ""
    """The purpose of the table, in a few words."""
    scale: int
    channels: int = 1
    hr_size: Size = HR_SIZE
    """Width and height of the HR image that costs are counted for."""
    budgets: tuple[str, ...]
    """The budgets that all networks fit."""
    spaces: Mapping[str, str]
    """The spaces that networks were drawn from, with the fingerprints of their choices."""
    data: str
    data_fingerprint: str
    protocol: Mapping[str, Any]
    bicubic: tuple[float, float]
    """PSNR and SSIM of bicubic interpolation by the same protocol."""
    recipe: Recipe
    reference: Recipe | None = None
    """The recipe of the reference trainings that proxies are compared with; None if the table has none."""
    device: str
    clock: Literal["CPU seconds", "seconds"]
    """The clock of trainings: CPU seconds of the process for one thread, which other load does not lengthen."""
    versions: Mapping[str, str]


class Table(_Fields):
    """A table of trained architectures."""

    header: Header
    rows: tuple[Row, ...]

    @property
    def trained(self) -> tuple[Row, ...]:
        """The rows with at least one training that did not fail."""
        return tuple(row for row in self.rows if row.trained)


def write_table(table: Table, path: Path) -> None:
    """Write a table as JSON with one row on each line, compressed if the name ends in `.gz`.

    Equal tables give equal bytes. A kill leaves the old file.
    """
    header = json.dumps(table.header.model_dump(mode="json"), indent=1)
    rows = ",\n".join(json.dumps(row.model_dump(mode="json", exclude_defaults=True)) for row in table.rows)
    text = f'{{"schema": {SCHEMA}, "header": {header},\n"rows": [\n{rows}\n]}}\n'
    content = text.encode()
    if path.suffix == ".gz":
        content = gzip.compress(content, mtime=0)
    make_folder(path.parent)
    write_atomic(path, content)


def read_table(path: Path) -> Table:
    """Read a table. Raises InputError naming the file and its first fault."""
    try:
        data = parse_json(_content(path), str(path))
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path} can't be read as a table of architectures: {str(error).rstrip('.')}.") from None
    except DocumentError as error:
        raise InputError(str(error)) from None
    if not isinstance(data, dict) or data.get("schema") != SCHEMA:
        found = data.get("schema") if isinstance(data, dict) else None
        raise InputError(f"{path} must be a table of architectures with schema {SCHEMA}, not {shown(found)}.")
    try:
        table = Table.model_validate({name: value for name, value in data.items() if name != "schema"})
        for row in table.rows:
            row.network.check()
    except ValidationError as error:
        raise InputError(in_words(error, str(path))) from None
    except (SpaceError, UnknownNameError) as error:
        raise InputError(f"{path} contains a network that can't be built here: {error}") from None
    return table


def _content(path: Path) -> bytes:
    """Return the bytes of a table, uncompressed. Raises OSError, EOFError, zlib.error or InputError."""
    with path.open("rb") as file:
        content = file.read(_MOST_BYTES + 1)
    if content.startswith(_MAGIC_OF_GZIP):
        with gzip.GzipFile(fileobj=io.BytesIO(content)) as packed:
            content = packed.read(_MOST_BYTES + 1)
    if len(content) > _MOST_BYTES:
        raise InputError(f"{path} has more than {_MOST_BYTES:,} bytes, too many for a table of architectures.")
    return content
