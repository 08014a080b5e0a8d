"""The command `nas`: how it begins and ends. `nas.cli.app` lists its commands; the others hold a group of them each."""

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
"""When the command was given: what loading takes is part of a `--time`."""

DONE, FAILED, WRONG, INTERRUPTED = 0, 1, 2, 130
"""Exit codes: done; the work failed, or was stopped by SIGTERM; wrong usage; stopped by Ctrl-C."""


def main() -> None:
    """Run the command line; whatever goes wrong ends with one sentence and an exit code, never with a traceback."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    _keep_matplotlib_here()
    ours = _end_on_signals()
    try:
        from nas.cli.app import run  # what is loaded may take seconds: Ctrl-C must end those, too

        code, said = run(), ""
    except KeyboardInterrupt:
        code, said = INTERRUPTED, "Stopped by Ctrl-C."
    except _SignalledError as error:
        code, said = FAILED, f"Stopped by {error}."
    except BrokenPipeError:  # `nas front RUN | head` has read enough
        code, said = FAILED, ""
    except OSError as error:
        where = "" if error.filename is None else f"{error.filename}: "
        code, said = FAILED, f"The system refused a file: {where}{error.strerror or error}."
    except MemoryError:
        code, said = FAILED, "There is not enough memory for this; free some, or ask for less at a time."
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
    """A signal asked the command to end while nothing was to be saved."""


def _end_on_signals() -> list[int]:
    """Let SIGTERM and SIGHUP end the command with its own exit code, where nothing is done about them; return those."""

    def end(number: int, _frame: FrameType | None) -> None:
        raise _SignalledError(signal.Signals(number).name)

    known = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    ours = [number for number in known if signal.getsignal(number) == signal.SIG_DFL]
    for number in ours:
        signal.signal(number, end)
    return ours


def _flush(stream: io.TextIOWrapper) -> None:
    """Write what is left; where nobody takes it any more, drop it, so that Python doesn't complain at its end."""
    try:
        stream.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _keep_matplotlib_here() -> None:
    """Let Matplotlib keep its list of fonts in `results/cache`, or in a temporary folder; never in the user's home."""
    if "MPLCONFIGDIR" in os.environ:
        return
    results = Path("results").absolute()
    if results.is_dir() and os.access(results, os.W_OK):
        os.environ["MPLCONFIGDIR"] = str(results / "cache" / "matplotlib")
    else:
        folder = tempfile.mkdtemp(prefix="nas-matplotlib-")
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        os.environ["MPLCONFIGDIR"] = folder
