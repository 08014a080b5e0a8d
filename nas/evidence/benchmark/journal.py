"""The working folder of a table: the selected networks, and every result as soon as it is finished."""

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from nas.errors import InputError
from nas.files import make_folder, write_atomic
from nas.table import Header, Row, Table, Training
from search_spaces.documents import DocumentError, parse_json, read_json

PLAN = "plan.json"
"""The file with the header, the request, and the rows without their trainings."""

_TELLING = ("data_fingerprint", "scale", "channels", "hr_size", "recipe", "reference", "clock")
"""Fields of a header that must not change when a build continues; nor may the spaces of both headers."""


@dataclass
class _Found:
    """The results of one network."""

    trainings: dict[tuple[bool, int], Training] = field(default_factory=dict)
    proxies: dict[str, float | None] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    def add(self, record: Mapping[str, Any]) -> None:
        """Add a line of the journal."""
        if "training" in record:
            training = Training.model_validate(record["training"])
            self.trainings[training.is_reference, training.seed] = training
        self.proxies.update(record.get("proxies", {}))
        self.seconds.update(record.get("seconds", {}))

    @property
    def fields(self) -> dict[str, Any]:
        """The fields of a row."""
        trainings = tuple(self.trainings[key] for key in sorted(self.trainings))
        return {"trainings": trainings, "proxies": self.proxies, "proxy_seconds": self.seconds}


class Journal:
    """A folder to which any number of processes append results, each to its own file; all can read the whole."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def begin(self, header: Header, asked: Mapping[str, Any], rows: list[Row]) -> None:
        """Write `plan.json`. Raises InputError if the folder holds trainings under other conditions."""
        if (earlier := self.header()) is not None:
            check_goes_on(header, earlier, self.folder)
        make_folder(self.folder)
        plan = {
            "header": header.model_dump(mode="json"),
            "asked": dict(asked),
            "rows": [row.model_dump(mode="json", exclude_defaults=True) for row in rows],
        }
        write_atomic(self.folder / PLAN, json.dumps(plan, indent=1) + "\n")

    def header(self) -> Header | None:
        """Return the header in `plan.json`; None without this file."""
        plan = self._plan()
        return Header.model_validate(plan["header"]) if plan else None

    def rows(self) -> list[Row]:
        """Return the rows in `plan.json`, without trainings; none without this file."""
        plan = self._plan()
        return [Row.model_validate(row) for row in plan["rows"]] if plan else []

    def rows_for(self, asked: Mapping[str, Any]) -> list[Row] | None:
        """Return the rows that were selected for the same request; None if there are none."""
        plan = self._plan()
        return self.rows() if plan and plan["asked"] == dict(asked) else None

    def _plan(self) -> dict[str, Any] | None:
        path = self.folder / PLAN
        if not path.is_file():
            return None
        try:
            plan: dict[str, Any] = read_json(path)
            Header.model_validate(plan["header"])
        except (ValueError, KeyError, TypeError, ValidationError):
            raise InputError(f"{path} is damaged; remove the folder or give --to another name.") from None
        return plan

    def append(self, share: int, fingerprint: str, **content: Any) -> None:
        """Append a result of an architecture to the file of process `share`. It is on disk when this returns."""
        with (self.folder / f"found-{share}.jsonl").open("a+b") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - 1))
            torn = file.read() not in (b"", b"\n")  # a kill may have cut off the last line
            line = json.dumps({"fingerprint": fingerprint, **content})
            file.write(("\n" * torn + line + "\n").encode())
            file.flush()
            os.fsync(file.fileno())

    def table(self) -> Table:
        """Return the table with all results so far, without architectures that have none."""
        plan = self._plan()
        if plan is None:
            raise InputError(f"{self.folder} is not the working folder of a table.")
        found: dict[str, _Found] = {}
        for record in self._records():
            found.setdefault(record["fingerprint"], _Found()).add(record)
        rows = []
        for row in self.rows():
            if results := found.get(row.network.fingerprint):
                rows.append(row.model_copy(update=results.fields))
        return Table(header=Header.model_validate(plan["header"]), rows=tuple(rows))

    def _records(self) -> Iterator[dict[str, Any]]:
        for path in sorted(self.folder.glob("found-*.jsonl")):
            for line in path.read_text(encoding="utf-8").splitlines():
                try:
                    yield parse_json(line, str(path))
                except DocumentError:  # cut off by a kill; the training is repeated
                    continue


def check_goes_on(header: Header, earlier: Header, folder: Path) -> None:
    """Raise InputError naming the differences if trainings under `earlier` do not fit a table with `header`."""
    mine, theirs = header.model_dump(mode="json"), earlier.model_dump(mode="json")
    differing = [name for name in _TELLING if mine[name] != theirs[name]]
    both = mine["spaces"].keys() & theirs["spaces"].keys()
    differing += [f"space '{name}'" for name in sorted(both) if mine["spaces"][name] != theirs["spaces"][name]]
    if differing:
        raise InputError(
            f"{folder} holds trainings by another {', '.join(differing).replace('_', ' ')}; give --to another name."
        )
