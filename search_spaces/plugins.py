"""A user's own Python files, which register spaces, proxies, losses or metrics."""

import hashlib
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

_PREFIX = "nas_plugin_"


@dataclass(frozen=True)
class Plugin:
    """A user's Python file, identified by its content."""

    path: str
    sha256: str
    """SHA-256 of the content, in hexadecimal. It identifies the plugin wherever the file lies."""

    @property
    def name(self) -> str:
        """The file's name."""
        return Path(self.path).name


@dataclass(frozen=True)
class Source:
    """The path and the content of a plugin that runs in this process.

    Processes that this process starts get the content, since the file may have changed or gone by then.
    """

    path: str
    content: bytes


def loaded_sources() -> tuple[Source, ...]:
    """Return the plugins that `load_plugin` has run in this process, in that order, with their content."""
    modules = [module for name, module in sys.modules.items() if name.startswith(_PREFIX)]
    return tuple(Source(str(module.__file__), module.__dict__["_content"]) for module in modules)


def loaded_plugins() -> tuple[Plugin, ...]:
    """Return the plugins that `load_plugin` has run in this process, in that order."""
    modules = [module for name, module in sys.modules.items() if name.startswith(_PREFIX)]
    return tuple(Plugin(str(module.__file__), module.__dict__["_sha256"]) for module in modules)


def load_plugin(path: Path, sha256: str | None = None) -> Plugin:
    """Run a user's Python file, unless a file with the same content was run before, and return the plugin.

    The bytes that are hashed are the bytes that run: neither a file replaced in the meantime nor a `.pyc` beside it is
    read. Raises FileNotFoundError, ValueError if the content does not match `sha256`, and whatever the file raises.
    """
    if not path.is_file():
        raise FileNotFoundError(f"The plugin file '{path}' does not exist.")
    if path.suffix != ".py":
        raise FileNotFoundError(f"The plugin file '{path}' is not a Python file.")
    content = path.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if sha256 not in (None, found):
        raise ValueError(f"its content has changed since it was allowed: {found[:12]}, not {str(sha256)[:12]}")
    return run_source(Source(str(path.resolve()), content))


def run_source(source: Source) -> Plugin:
    """Run a plugin from its content, unless the same content was run before. Raises whatever the plugin raises."""
    found = hashlib.sha256(source.content).hexdigest()
    name = f"{_PREFIX}{found[:32]}"
    if name not in sys.modules:
        module = ModuleType(name)
        module.__dict__.update(__file__=source.path, _sha256=found, _content=source.content)
        sys.modules[name] = module
        try:
            exec(compile(source.content, source.path, "exec", dont_inherit=True), module.__dict__)
        except BaseException:
            del sys.modules[name]
            raise
    return Plugin(source.path, found)
