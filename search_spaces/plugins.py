"""A user's own Python files, which register spaces, proxies, losses or metrics."""

import hashlib
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

_PREFIX = "nas_plugin_"


@dataclass(frozen=True)
class Plugin:
    """A Python file as it was when its content was looked at."""

    path: str
    sha256: str
    """Of its content, in hexadecimal: what the file is, wherever it lies."""

    @property
    def name(self) -> str:
        """The file's name."""
        return Path(self.path).name


@dataclass(frozen=True)
class Source:
    """A plugin as it runs in a process, for the processes that it starts: the file may be another by then, or gone."""

    path: str
    content: bytes


def loaded_sources() -> tuple[Source, ...]:
    """Return what `load_plugin` has run in this process, in that order, with its content."""
    modules = [module for name, module in sys.modules.items() if name.startswith(_PREFIX)]
    return tuple(Source(str(module.__file__), module.__dict__["_content"]) for module in modules)


def loaded_plugins() -> tuple[Plugin, ...]:
    """Return what `load_plugin` has run in this process, in that order, for others to run."""
    modules = [module for name, module in sys.modules.items() if name.startswith(_PREFIX)]
    return tuple(Plugin(str(module.__file__), module.__dict__["_sha256"]) for module in modules)


def load_plugin(path: Path, sha256: str | None = None) -> Plugin:
    """Run a user's Python file, unless a file of that content was run before, and return what was run.

    What is run is what was hashed: neither a file that is replaced meanwhile nor a `.pyc` beside it. Raises
    FileNotFoundError, ValueError where the content is not that of `sha256`, and whatever the file raises.
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
    """Run a plugin by its content, unless the same was run before. Raises whatever it raises."""
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
