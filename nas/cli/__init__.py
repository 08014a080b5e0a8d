"""The command `nas`: its start and its end. `nas.cli.app` lists the commands; each other module has a group of them."""

import atexit
import io
import os
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path
from types import FrameType

STARTED = time.monotonic()
"""The time of the start, on `time.monotonic()`: loading counts towards a `--time`."""

DONE, FAILED, WRONG, INTERRUPTED = 0, 1, 2, 130
"""Exit codes: done; failed, or stopped by SIGTERM; wrong usage; stopped by Ctrl-C."""


def main() -> None:
    """Run the command line. Every error ends with one sentence and an exit code, never with a traceback."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    _keep_matplotlib_here()
    ours = _end_on_signals()
    try:
        from nas.cli.app import run  # loading may take seconds, and Ctrl-C must end it

        code, said = run(), ""
    except KeyboardInterrupt:
        code, said = INTERRUPTED, "Stopped by Ctrl-C."
    except _SignalledError as error:
        code, said = FAILED, f"Stopped by {error}."
    except BrokenPipeError:  # such as after `nas front RUN | head`
        code, said = FAILED, ""
    except OSError as error:
        where = "" if error.filename is None else f"{error.filename}: "
        code, said = FAILED, f"A file can't be used: {where}{error.strerror or error}."
    except MemoryError:
        code, said = FAILED, "There is not enough memory; close other programs, or start less work at the same time."
    finally:
        for number in ours:
            signal.signal(number, signal.SIG_DFL)
    if said:
        sys.stderr.write(f"Error: {said}\n")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            _flush(stream)
    if code != DONE:
        sys.exit(code)


class _SignalledError(BaseException):
    """A signal has ended the command while there was nothing to save."""


def _end_on_signals() -> list[int]:
    """Let SIGTERM and SIGHUP end the command with exit code 1. Return the signals that had no other handler."""

    def end(number: int, _frame: FrameType | None) -> None:
        raise _SignalledError(signal.Signals(number).name)

    existing = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    ours = [number for number in existing if signal.getsignal(number) == signal.SIG_DFL]
    for number in ours:
        signal.signal(number, end)
    return ours


def _flush(stream: io.TextIOWrapper) -> None:
    """Flush a stream. If nobody reads it any more, drop the rest, so that Python does not complain at its end."""
    try:
        stream.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _keep_matplotlib_here() -> None:
    """Keep Matplotlib's list of fonts in `results/cache`, or in a temporary folder; never in the user's home."""
    if "MPLCONFIGDIR" in os.environ:
        return
    results = Path("results").absolute()
    if results.is_dir() and os.access(results, os.W_OK):
        os.environ["MPLCONFIGDIR"] = str(results / "cache" / "matplotlib")
    else:
        folder = tempfile.mkdtemp(prefix="nas-matplotlib-")
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        os.environ["MPLCONFIGDIR"] = folder
