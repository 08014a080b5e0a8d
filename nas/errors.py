"""What a user did wrong, and what went wrong: the exceptions that reach the command line as one sentence."""


class InputError(ValueError):
    """The user gave something that can't be used; one sentence says what would be right (exit code 2).

    Example:
        >>> try:
        ...     nas.open("nothing")
        ... except nas.InputError as error:
        ...     print(error)
        There is no run 'nothing' in results.
    """


class PluginError(InputError):
    """Code that a run names was not allowed here, isn't there, or fails."""


class RunError(RuntimeError):
    """Valid input, but the work failed or was stopped; one sentence says how to continue (exit code 1).

    Example:
        >>> issubclass(nas.StoppedError, nas.RunError), issubclass(nas.InputError, nas.RunError)
        (True, False)
    """


class StoppedError(RunError):
    """The user stopped the work by Ctrl-C, or a callback did; one sentence says how to continue (exit code 130).

    Example:
        >>> try:
        ...     nas.evaluate("camera", "images/val", callback=lambda event: nas.STOP)
        ... except nas.StoppedError as error:
        ...     print(error)
        Stopped while measuring.
    """


class NetworkError(RunError):
    """A network itself can't be trained or run: it says nothing of the machine, and another network may do."""
