"""Code that a run names: its plugins and its latency command. None of it runs before the user has allowed it.

A run may come from somebody else, so `search.yaml` and the study give no permission. Naming a file or a command on the
command line gives permission for its content, from then on.
"""

import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from nas.errors import InputError, PluginError
from nas.plugins.permission import allow, digest, given, is_allowed
from search_spaces.plugins import Plugin, Source, load_plugin, loaded_plugins, loaded_sources, run_source


@dataclass(frozen=True)
class Granted:
    """The permissions of a process, to be passed on to the processes that it starts."""

    plugins: tuple[Source, ...]
    commands: tuple[str, ...]
    """Hashes of latency commands."""


def granted() -> Granted:
    """Return the permissions of this process."""
    return Granted(loaded_sources(), given("latency_commands"))


def inherit(permissions: Granted) -> None:
    """Run the plugins of the process that started this process, and take over its permissions. Raises InputError."""
    for command in permissions.commands:
        allow("latency_commands", command, "", remember=False)
    for source in permissions.plugins:
        plugin = _run(source)
        allow("plugins", plugin.sha256, plugin.path, remember=False)


def give_plugins(paths: Iterable[str]) -> tuple[Plugin, ...]:
    """Run the Python files that the user gave, and remember that files with this content may run here.

    Raises InputError for a file that is missing or fails.
    """
    plugins = []
    for path in paths:
        plugin = _load(path)
        allow("plugins", plugin.sha256, plugin.path)
        plugins.append(plugin)
    return tuple(plugins)


def need_plugins(plugins: Sequence[Plugin], run: str) -> None:
    """Run the plugins of a run. They are recognised by their content.

    Raises PluginError for a plugin that the user has not allowed here, that is missing, or whose content has changed.
    """
    for plugin in plugins:
        loaded = loaded_plugins()
        if plugin.sha256 in {other.sha256 for other in loaded}:
            continue
        path = _printable(plugin.path)
        if other := next((other for other in loaded if other.name == plugin.name), None):
            raise PluginError(
                f"The plugin {other.path} is not the {plugin.name} that the run '{run}' began with: its content has "
                "changed; give the file of the run with --plugin."
            )
        if not is_allowed("plugins", plugin.sha256):
            raise PluginError(
                f"The run '{run}' would execute {path}, which was not allowed here and was not run; read the file, "
                f"then allow it with --plugin {shlex.quote(path)} (its path on this machine)."
            )
        _load(
            plugin.path,
            plugin.sha256,
            f"; the run '{run}' needs the file as it was: give its path with --plugin FILE",
        )


def give_command(command: str) -> None:
    """Remember that a latency command that the user gave may run here."""
    allow("latency_commands", digest(command), command)


def need_command(command: str, run: str) -> None:
    """Raise InputError unless the user has allowed the latency command of a run."""
    if not is_allowed("latency_commands", digest(command)):
        raise InputError(
            f"The run '{run}' would execute a latency command that was not allowed here and was not run; read it, then "
            f"allow it with --latency-command {shlex.quote(_printable(command))}."
        )


def _run(source: Source) -> Plugin:
    try:
        return run_source(source)
    except Exception as error:
        raise PluginError(_can_not_be_loaded(source.path, error)) from None


def _load(path: str, sha256: str | None = None, remedy: str = "") -> Plugin:
    try:
        return load_plugin(Path(path), sha256)
    except Exception as error:
        raise PluginError(_can_not_be_loaded(path, error, remedy)) from None


def _can_not_be_loaded(path: str, error: Exception, remedy: str = "") -> str:
    reason = (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
    return f"The plugin {_printable(path)} can't be loaded: {reason}{remedy}."


def _printable(text: str) -> str:
    """Return a text of somebody else with its control characters escaped, since they would steer the terminal."""
    return text if text.isprintable() else ascii(text)[1:-1]
