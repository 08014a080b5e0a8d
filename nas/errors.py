"""The exceptions that the command line shows as one sentence: errors of the user, and errors of the work."""


class InputError(ValueError):
    """The user's input can't be used. The message, one sentence, says what would be right (exit code 2).

    Example:
        >>> try:
        ...     nas.open("nothing")
        ... except nas.InputError as error:
        ...     print(error)
        There is no run 'nothing' in results.
    """


class PluginError(InputError):
    """Code that a run names is not allowed on this machine, is missing, or fails."""


class RunError(RuntimeError):
    """The input was valid, but the work failed. The message, one sentence, says how to continue (exit code 1).

    Example:
        >>> issubclass(nas.StoppedError, nas.RunError), issubclass(nas.InputError, nas.RunError)
        (True, False)
    """


class StoppedError(RunError):
    """Ctrl-C or a callback stopped the work. The message, one sentence, says how to continue (exit code 130).

    Example:
        >>> try:
        ...     nas.evaluate("camera", "images/val", callback=lambda event: nas.STOP)
        ... except nas.StoppedError as error:
        ...     print(error)
        Stopped while measuring.
    """


class NetworkError(RunError):
    """A network can't be trained or run. The machine is not the cause, so another network may work."""
