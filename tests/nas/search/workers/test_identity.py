import subprocess
import sys

import pytest

from nas.search.workers.identity import is_dead, worker_name


def other_process(code: str) -> subprocess.Popen[str]:
    script = f"from nas.search.workers.identity import worker_name; print(worker_name(), flush=True); {code}"
    return subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def test_a_process_is_alive_until_it_ends_and_dead_after() -> None:
    process = other_process("input()")
    assert process.stdout is not None
    name = process.stdout.readline().strip()
    assert not is_dead(name) and not is_dead(worker_name())
    process.kill()
    process.wait()
    assert is_dead(name)


def test_a_process_that_nobody_waits_for_is_dead_too() -> None:
    process = other_process("pass")
    assert process.stdout is not None
    name = process.stdout.readline().strip()
    process.stdout.read()  # until it has ended; its number is taken until somebody waits for it
    while not is_dead(name):
        pass
    process.wait()


def test_a_later_process_with_the_same_number_is_another() -> None:
    machine, pid, start = worker_name().split("/")
    assert is_dead(f"{machine}/{pid}/{int(start) - 1}")


@pytest.mark.parametrize("name", ["elsewhere/1/1", "", "nonsense", "a/b/c"])
def test_what_can_not_be_seen_from_here_is_not_called_dead(name: str) -> None:
    assert not is_dead(name)
