"""The format of `--help`: ASCII text of at most 80 columns, with the options of a long command in groups.

The declaration of an option names its group: `typer.Option(rich_help_panel="Images", help=…)`. Groups come in the order
in which the signature first names them, options within a group in the order of the signature.
"""

from collections.abc import Sequence
from typing import Any, get_args

from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption

MOST_UNGROUPED = 10
"""A command with more options shows them in groups."""

OTHERS = "Other options"

_PLACEHOLDERS = {int: "N", float: "X", str: "TEXT"}

_WIDEST_NAME = 26
"""Maximum width of names in columns; the text of a wider name begins on the next line."""

Parameter = TyperArgument | TyperOption


class AsciiCommand(TyperCommand):
    """A command with this format of help."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """Return the words that follow the command's name in the line `Usage:`."""
        return usage(self.params)

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the arguments and options."""
        write_parameters(self.get_params(ctx), formatter)


class AsciiGroup(TyperGroup):
    """A group of commands with this format of help."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the options, and below them the commands with their whole first lines."""
        write_parameters(self.get_params(ctx), formatter)
        rows = [(name, (command.help or "").partition("\n")[0]) for name, command in self.commands.items()]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


def usage(parameters: Sequence[Any]) -> list[str]:
    """Return the words of a command: `[OPTIONS] RUN [MODEL...]`."""
    arguments = [parameter for parameter in parameters if isinstance(parameter, TyperArgument)]
    return ["[OPTIONS]", *(_name(a) if a.required else f"[{_name(a)}]" for a in arguments)]


def write_parameters(parameters: Sequence[Any], formatter: Any) -> None:
    """Write arguments and options in their groups."""
    grouped = groups(parameters)
    names = [_name(member) for members in grouped.values() for member in members]
    width = max(len(name) for name in names if len(name) <= _WIDEST_NAME)  # one margin for all groups
    for title, members in grouped.items():
        with formatter.section(title):
            formatter.write_dl([(_name(m).ljust(width), _text(m)) for m in members], col_max=width)


def groups(parameters: Sequence[Any]) -> dict[str, list[Parameter]]:
    """Return the parameters by the title of their group; options without a group come last."""
    arguments = [parameter for parameter in parameters if isinstance(parameter, TyperArgument)]
    options = [parameter for parameter in parameters if isinstance(parameter, TyperOption) and not parameter.hidden]
    found: dict[str, list[Parameter]] = {"Arguments": [*arguments]}
    if len(options) <= MOST_UNGROUPED:
        found["Options"] = [*options]
        return {title: members for title, members in found.items() if members}
    for option in options:
        if option.rich_help_panel:
            found.setdefault(option.rich_help_panel, []).append(option)
    others = [option for option in options if not option.rich_help_panel]
    found[OTHERS if len(found) > 1 else "Options"] = [*others]
    return {title: members for title, members in found.items() if members}


def _name(parameter: Parameter) -> str:
    """Return a parameter as it is written: `--jobs N`, `--json`, `RUN`."""
    if isinstance(parameter, TyperArgument):
        name = parameter.metavar or (parameter.name or "").upper()
        return name if parameter.nargs == 1 or name.endswith("...") else f"{name}..."
    names = " / ".join((*parameter.opts, *parameter.secondary_opts))
    return names if parameter.is_flag else f"{names} {parameter.metavar or _placeholder(parameter)}"


def _placeholder(option: TyperOption) -> str:
    kind = option.type_descriptor.annotation
    return _PLACEHOLDERS.get(next(iter(get_args(kind)), kind), "TEXT")


def _text(parameter: Parameter) -> str:
    """Return the help of a parameter, with its default if the help does not name it."""
    sentences = [parameter.help or ""]
    if isinstance(parameter, TyperOption):
        if parameter.multiple:
            sentences.append("Repeatable.")
        if parameter.required:
            sentences.append("Required.")
        elif parameter.secondary_opts:
            sentences.append(f"Default: {(parameter.opts if parameter.default else parameter.secondary_opts)[0]}.")
        elif not parameter.is_flag and parameter.default not in (None, "") and "Default: " not in sentences[0]:
            sentences.append(f"Default: {parameter.default}.")
    return " ".join(sentence for sentence in sentences if sentence)
