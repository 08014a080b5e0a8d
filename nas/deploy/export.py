"""Export of a model: a model directory with an ONNX file that runs anywhere, and with all to train it again."""

import copy
import shlex
import tempfile
from dataclasses import dataclass
from pathlib import Path

import torch

from nas.data.normalisation import Normalisation
from nas.deploy.onnx import check_onnx, to_onnx, tolerance
from nas.errors import InputError, RunError
from nas.files import write_atomic
from nas.model import ARCHITECTURE, IMPORTED, METRICS, RECIPE, WEIGHTS, Model, load_model
from nas.training.recipe import load_recipe, parse_recipe
from search_spaces.documents import to_yaml

ONNX, RETRAIN = "model.onnx", "retrain.yaml"


@dataclass(frozen=True)
class Exported:
    """The verified files of an export.

    Example:
        >>> exported = nas.load("camera").export("verified")
        >>> exported.onnx_difference < 1e-4
        True
    """

    folder: Path
    """A model directory (architecture.yaml, weights.safetensors, recipe.yaml, metrics.json) with model.onnx.

    It also holds retrain.yaml, unless the weights were imported.
    """
    onnx_difference: float
    """The largest difference between ONNX Runtime and PyTorch; see `check_onnx`."""
    command: str
    """The command that trains the architecture again, or trains imported weights further; DIR is the data set."""

    @property
    def files(self) -> tuple[Path, ...]:
        """The paths of the five or six files."""
        names = (ARCHITECTURE, WEIGHTS, RECIPE, METRICS, ONNX, RETRAIN)
        return tuple(self.folder / name for name in names if (self.folder / name).is_file())


def export(model: Model, target: Path) -> Exported:
    """Write a model, its ONNX file and its recipe into the new folder `target`, and verify each file.

    The architecture must have the same fingerprint when it is read back. The weights must give bit-equal output in a
    newly built network. ONNX Runtime must give the same output up to the network's `tolerance`. `load_recipe` must
    read the same recipe. `target` appears whole or not at all.

    Raises InputError if `target` is a file or a folder that isn't empty, or if the recipe is incomplete; RunError if a
    file is wrong.
    """
    if target.is_file() or (target.is_dir() and any(target.iterdir())):
        raise InputError(f"{target} exists; name a new folder to export to.")
    if _trained(model):
        parse_recipe(model.recipe, torch.device("cpu"), "The model's recipe")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{target.name}.", dir=target.parent) as temporary:
            folder = Path(temporary) / "export"
            difference = _write(model, folder)
            folder.replace(target)
    except OSError as error:
        raise InputError(f"{target} can't be written ({error.strerror or error}).") from None
    command = retrain_command(target) if _trained(model) else f"nas train {shlex.quote(str(target))} --data DIR"
    return Exported(target, difference, command)


def retrain_command(folder: Path) -> str:
    """Return the command that trains the architecture in `folder` again with its recipe."""
    architecture, recipe = (shlex.quote(str(folder / name)) for name in (ARCHITECTURE, RETRAIN))
    return f"nas train {architecture} --recipe {recipe} --data DIR"


def _trained(model: Model) -> bool:
    """Tell whether the weights were trained here. Otherwise they were imported."""
    return IMPORTED not in model.recipe


def _write(model: Model, folder: Path) -> float:
    """Write and verify all files; return the difference of the ONNX form."""
    model.save(folder)
    if _trained(model):
        header = "# Trains this architecture again from random weights; DIR is the data set:\n"
        recipe = to_yaml(dict(model.recipe))
        write_atomic(folder / RETRAIN, f"{header}#   {retrain_command(Path())}\n{recipe}")
    _verify(model, folder)
    to_onnx(model.network, model.architecture, folder / ONNX, Normalisation.stored(model.recipe))
    difference = check_onnx(folder / ONNX, model.network)
    accepted = tolerance(model.network, model.architecture.channels)
    if not difference < accepted:
        raise RunError(
            f"The ONNX form differs by {difference:.1e} from the network; at most {accepted:.0e} is accepted."
        )
    return difference


def _verify(model: Model, folder: Path) -> None:
    """Raise RunError unless the files read back as the same architecture, weights and recipe."""
    read = load_model(folder)
    if read.architecture.fingerprint != model.architecture.fingerprint:
        raise RunError(f"{ARCHITECTURE} reads back as another architecture.")
    # Training may leave another memory format, in which convolutions round differently.
    network = copy.deepcopy(model.network).cpu().to(memory_format=torch.contiguous_format).eval()  # type: ignore[call-overload]
    image = torch.rand(1, model.architecture.channels, 33, 47, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        if not torch.equal(read.network(image), network(image)):
            raise RunError(f"{WEIGHTS} gives another output than the network it was written from.")
    device = torch.device("cpu")
    if _trained(model) and load_recipe(str(folder / RETRAIN), device) != parse_recipe(model.recipe, device):
        raise RunError(f"{RETRAIN} reads back as another recipe.")
