import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from nas.deploy.latency_table import LatencyTable, NetworkTime
from nas.errors import RunError

WHOLE = NetworkTime(setting="dots x2", fingerprint="0123", ms=4.5, parts_ms=4.0)


def refuse() -> float:
    raise AssertionError("measured twice")


def test_a_part_is_measured_once_also_by_those_who_come_later(tmp_path: Path) -> None:
    table = LatencyTable(tmp_path, "a phone")
    assert table.part("k", "conv", lambda: 1.5) == 1.5
    assert table.part("k", "conv", refuse) == 1.5
    assert LatencyTable(tmp_path, "a phone").part("k", "conv", refuse) == 1.5


def test_each_runtime_has_times_of_its_own(tmp_path: Path) -> None:
    LatencyTable(tmp_path, "a phone").part("k", "conv", lambda: 1.5)
    assert LatencyTable(tmp_path, "a camera").part("k", "conv", lambda: 20) == 20


def test_tables_that_are_open_at_once_keep_what_each_adds(tmp_path: Path) -> None:
    one, other = LatencyTable(tmp_path, "a phone"), LatencyTable(tmp_path, "a phone")
    one.part("k", "conv", lambda: 1.5)
    other.network("n", lambda: WHOLE)
    assert other.part("k", "conv", refuse) == 1.5
    assert LatencyTable(tmp_path, "a phone").networks("dots x2") == {"n": WHOLE}
    assert one.networks("dots x3") == {}


def test_what_several_need_at_once_is_measured_by_one_of_them_and_never_two_things_at_a_time(tmp_path: Path) -> None:
    begun: list[str] = []
    running: list[str] = []

    def measure(key: str) -> float:
        assert not running
        running.append(key)
        begun.append(key)
        time.sleep(0.05)
        running.remove(key)
        return float(key)

    def work(_: int) -> list[float]:
        table = LatencyTable(tmp_path, "a phone")
        return [table.part(key, "conv", lambda key=key: measure(key)) for key in ("1", "2")]

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(work, range(4))) == [[1, 2]] * 4
    assert sorted(begun) == ["1", "2"]


def test_a_measurement_that_fails_leaves_no_time(tmp_path: Path) -> None:
    table = LatencyTable(tmp_path, "a phone")
    with pytest.raises(AssertionError):
        table.part("k", "conv", refuse)
    assert LatencyTable(tmp_path, "a phone").part("k", "conv", lambda: 2) == 2


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    table = LatencyTable(tmp_path, "a phone")
    table.part("k", "conv", lambda: 1.5)
    table.path.write_text("{")
    with pytest.raises(RunError, match=rf"{table.path.name} holds no measured latencies any more; delete it"):
        LatencyTable(tmp_path, "a phone")
