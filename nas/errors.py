"""What a user did wrong, and what went wrong: the exceptions that reach the command line as one sentence."""


class InputError(ValueError):
    """The user gave something that can't be used; one sentence says what would be right (exit code 2)."""


class PluginError(InputError):
    """Code that a run names was not allowed here, isn't there, or fails."""


class RunError(RuntimeError):
    """Valid input, but the work failed or was stopped; one sentence says how to go on (exit code 1)."""


class StoppedError(RunError):
    """The user stopped the work by Ctrl-C; one sentence says how to go on (exit code 130)."""


class NetworkError(RunError):
    """A network itself can't be trained or run: it says nothing of the machine, and another network may do."""
