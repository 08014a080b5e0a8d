"""The options of `nas search`, made from the fields of the request, where help, limits and defaults are declared."""

import functools
import inspect
from collections.abc import Callable
from dataclasses import fields
from typing import Annotated, Any

import typer

from nas.search.option import Option
from nas.search.request import Request, options


def of_request(command: Callable[..., None]) -> Callable[..., None]:
    """Return a command that takes the options of a search before its own options; they reach it as a request."""
    declared = options()

    @functools.wraps(command)
    def taking(context: typer.Context, **given: Any) -> None:
        values = {name: option.reads(given.pop(name)) for name, option in declared.items()}
        command(context, Request(**values), **given)

    signature = inspect.signature(command)
    context, _, *own = signature.parameters.values()
    values = {field.name: field.default for field in fields(Request)}
    every = [context, *(_parameter(name, option, values[name]) for name, option in declared.items()), *own]
    taking.__signature__ = signature.replace(parameters=every)  # type: ignore[attr-defined]
    taking.__annotations__ = {parameter.name: parameter.annotation for parameter in every}
    return taking


def _parameter(name: str, option: Option, value: Any) -> inspect.Parameter:
    """Return an option as Typer reads it from a signature; `value` is the value without the option."""
    kind: Any = list.__class_getitem__(option.kind) if option.is_repeatable else option.kind
    declared = typer.Option(
        option.flag or f"--{name.replace('_', '-')}",
        rich_help_panel=option.group,
        help=option.text,
        metavar=option.metavar or None,
        min=option.least,
        max=option.most,
    )
    taken: Any = kind if value is not None else kind | None
    annotation: Any = Annotated[taken, declared]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=value, annotation=annotation)
