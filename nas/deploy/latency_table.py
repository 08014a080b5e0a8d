"""The table of times that were measured on a runtime, in a file that several processes share."""

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from filelock import FileLock
from pydantic import BaseModel, ConfigDict, ValidationError

from nas.errors import RunError
from nas.files import make_folder, write_atomic

Entry = TypeVar("Entry")


class PartTime(BaseModel):
    """The time of a part."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    what: str
    """The part in words, with the size of its input."""
    ms: float


class NetworkTime(BaseModel):
    """The time of a whole network, and the sum of the times of its parts."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    setting: str
    """Space, scale, channels and size of the image."""
    fingerprint: str
    ms: float
    parts_ms: float | None
    """None if the space doesn't describe its networks as parts."""


class Times(BaseModel):
    """The content of the file."""

    model_config = ConfigDict(extra="forbid")

    runtime: str
    parts: dict[str, PartTime] = {}
    networks: dict[str, NetworkTime] = {}


class LatencyTable:
    """The times of a runtime. Each time is measured once, by the process that needs it first.

    Only one process measures at a time, because measurements would disturb each other.
    """

    def __init__(self, folder: Path, runtime: str) -> None:
        """Open the table of `runtime` in `folder`. The file is written with the first measurement."""
        self.path = folder / f"{hashlib.sha256(runtime.encode()).hexdigest()[:16]}.json"
        self._runtime = runtime
        self._lock = FileLock(self.path.with_suffix(".lock"))
        self._times = self._read()

    def part(self, key: str, what: str, measure: Callable[[], float]) -> float:
        """Return the time of a part in ms. `measure` is called if it isn't in the table."""
        if key not in self._times.parts:
            self._add(lambda times: times.parts, key, lambda: PartTime(what=what, ms=measure()))
        return self._times.parts[key].ms

    def network(self, key: str, measure: Callable[[], NetworkTime]) -> NetworkTime:
        """Return the time of a whole network. `measure` is called if it isn't in the table."""
        if key not in self._times.networks:
            self._add(lambda times: times.networks, key, measure)
        return self._times.networks[key]

    def networks(self, setting: str) -> Mapping[str, NetworkTime]:
        """Return the measured networks of a setting: key → time."""
        return {key: time for key, time in self._times.networks.items() if time.setting == setting}

    def _add(self, place: Callable[[Times], dict[str, Entry]], key: str, make: Callable[[], Entry]) -> None:
        make_folder(self.path.parent)
        with self._lock:
            self._times = self._read()  # another process may have added entries
            if key not in place(self._times):
                place(self._times)[key] = make()
                write_atomic(self.path, self._times.model_dump_json(indent=1))

    def _read(self) -> Times:
        try:
            return Times.model_validate_json(self.path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return Times(runtime=self._runtime)
        except (OSError, ValidationError, UnicodeDecodeError):
            raise RunError(f"{self.path} holds no measured latencies any more; delete it to measure again.") from None
