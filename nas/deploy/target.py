"""What a chip or a runtime takes: facts from the documents of its vendor, as a YAML file for each target.

Nothing here was tried on a board: a target says what its sources say.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from nas.deploy.graph import Operator
from nas.errors import InputError
from nas.fields import message_of
from search_spaces.documents import read_yaml
from search_spaces.registry import unknown_name

_FOLDER = Path(__file__).parent / "targets"
_SUFFIX = ".yaml"
_SHOWN = 3
"""Number of layers that a message names."""


@dataclass(frozen=True)
class Refused:
    """Operators of one kind that a target does not take, and why."""

    kind: str
    why: str
    layers: tuple[str, ...]
    """The layers that they come from."""


class Target(BaseModel):
    """A chip with its compiler, or a runtime."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    title: str
    """What it is, in the words of its vendor."""
    compiler: str
    """The program that reads the ONNX file."""
    converter: Literal["", "rknn"] = ""
    """The script that runs the compiler; empty if there is none here."""
    opset: tuple[int, int]
    """The lowest and the highest opset that it reads."""
    fixed_size: bool = True
    """Whether the height and width of the image must be known."""
    channel_multiple: int = Field(1, ge=1)
    """Channels are computed in multiples of this many in int8."""
    quantisation: Literal["images", "qdq", "none"] = "none"
    """What it makes int8 from: a float file and calibration images, or a file with QuantizeLinear; or it has none."""
    pixel_shuffle: bool = True
    """Whether it takes DepthToSpace; if not, exports hold a transposed convolution with fixed weights instead."""
    operators: Mapping[str, Mapping[str, Sequence[Any]]]
    """Operator → attribute → the values that are taken; attributes that are not named may have any value."""
    slow: tuple[str, ...] = ()
    """Operators that it takes, but for which others are faster; exports hold the others."""
    elsewhere: tuple[str, ...] = ()
    """Operators that it takes, but runs on a CPU beside the accelerator."""
    sources: Mapping[str, str]
    """Field → where its facts are written."""

    def refused(self, operators: Iterable[Operator]) -> list[Refused]:
        """Return the operators that it does not take, by kind and reason."""
        found: dict[tuple[str, str], list[str]] = {}
        for operator in operators:
            if why := self._why_not(operator):
                found.setdefault((operator.kind, why), []).append(operator.layer)
        return [Refused(kind, why, tuple(dict.fromkeys(layers))) for (kind, why), layers in found.items()]

    def on_cpu(self, operators: Iterable[Operator]) -> list[str]:
        """Return the kinds of operators that it runs on a CPU beside the accelerator."""
        return sorted({operator.kind for operator in operators if operator.kind in self.elsewhere})

    def runs(self, kind: str, **attributes: Any) -> bool:
        """Tell whether an operator with these attributes runs on the accelerator itself."""
        return kind not in self.elsewhere and not self._why_not(Operator(kind, "", attributes, None))

    def _why_not(self, operator: Operator) -> str:
        """Return why an operator is not taken; empty if it is."""
        if operator.kind not in self.operators:
            return "is no operator of it"
        for name, allowed in self.operators[operator.kind].items():
            value = operator.rank if name == "rank" else operator.attributes.get(name)
            if value is not None and value not in allowed:
                return f"is taken with {name} {', '.join(map(str, allowed))} only, not {value}"
        return ""


def explain_refused(target: Target, operators: Iterable[Operator]) -> None:
    """Raise InputError if a target does not take an operator: which, of which layers, and what to search with."""
    refused = target.refused(operators)
    if not refused:
        return
    told = []
    for entry in refused:
        layers = [layer or "the network" for layer in entry.layers[:_SHOWN]]
        others = "" if len(entry.layers) <= _SHOWN else f" and {len(entry.layers) - _SHOWN} others"
        told.append(f"{entry.kind} {entry.why} (in {', '.join(layers)}{others})")
    raise InputError(
        f"{target.title} does not take this network: {'; '.join(told)}. nas cost --for {target.name} --ops shows what "
        "each network needs; hold choices of a search by --fix."
    )


def targets() -> list[str]:
    """Return the names of the shipped targets."""
    return sorted(file.name.removesuffix(_SUFFIX) for file in _FOLDER.iterdir() if file.name.endswith(_SUFFIX))


def load_target(name: str) -> Target:
    """Return a shipped target by its name, or a target of the user by the path of its YAML file.

    Raises UnknownNameError for a name without a target; InputError for a file that is none.
    """
    path = Path(name) if Path(name).suffix == _SUFFIX else _FOLDER / f"{name}{_SUFFIX}"
    if path.parent == _FOLDER and name not in targets():
        raise unknown_name("target", name, targets())
    fields = read_yaml(path)
    if not isinstance(fields, dict):
        raise InputError(f"{path} is no target: it holds no fields.")
    try:
        return Target.model_validate({"name": path.stem, **fields})
    except ValidationError as error:
        raise InputError(f"{path} is no target: {message_of(error)}.") from None
