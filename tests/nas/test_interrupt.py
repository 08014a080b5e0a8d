import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from nas.interrupt import StopFlag, hidden_from_ctrl_c


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_raises_the_flag_and_nothing_else(number: signal.Signals) -> None:
    with StopFlag() as stop:
        assert not stop()
        os.kill(os.getpid(), number)
        assert stop()


def test_a_second_ctrl_c_interrupts_at_once() -> None:
    with StopFlag() as stop, pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
    assert stop()


def test_a_terminate_after_ctrl_c_is_no_second_wish() -> None:
    with StopFlag() as stop:
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop()


def test_afterwards_signals_do_what_they_did_before() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with StopFlag():
        assert signal.getsignal(signal.SIGINT) != before[0]
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_a_process_that_was_started_hidden_ignores_ctrl_c() -> None:
    code = "import os, signal; os.kill(os.getpid(), signal.SIGINT); print('goes on')"
    before = signal.getsignal(signal.SIGINT)
    with hidden_from_ctrl_c():
        process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.communicate()[0] == "goes on\n"
    assert signal.getsignal(signal.SIGINT) == before


def test_a_flag_may_be_for_one_signal_alone() -> None:
    before = signal.getsignal(signal.SIGINT)
    with StopFlag(signal.SIGTERM) as stop:
        assert signal.getsignal(signal.SIGINT) == before
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop()


def test_in_another_thread_nothing_is_handled_and_nothing_fails() -> None:
    before = signal.getsignal(signal.SIGINT)

    def work() -> bool:
        with StopFlag() as stop, hidden_from_ctrl_c():
            return stop() or signal.getsignal(signal.SIGINT) != before

    with ThreadPoolExecutor(1) as pool:
        assert not pool.submit(work).result()
