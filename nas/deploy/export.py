"""Export of a model: a model directory with an ONNX file that runs anywhere, and with all to train it again."""

import copy
import shlex
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from nas.data.normalisation import Normalisation
from nas.deploy.conversion import CALIBRATION, CONVERT, write_converter
from nas.deploy.form import Form
from nas.deploy.golden import GOLDEN, write_golden
from nas.deploy.graph import operators
from nas.deploy.handbook import HANDBOOK, write_handbook
from nas.deploy.int8_loss import Int8Loss
from nas.deploy.onnx import ANY_SIZE, HALF, check_onnx, to_onnx, tolerance
from nas.deploy.packages import required
from nas.deploy.target import explain_refused
from nas.errors import InputError, RunError
from nas.files import write_atomic
from nas.model import ARCHITECTURE, IMPORTED, METRICS, RECIPE, WEIGHTS, Model, load_model
from nas.training.recipe import load_recipe, parse_recipe
from search_spaces import SPACES
from search_spaces.documents import to_yaml

ONNX, INT8, RETRAIN = "model.onnx", "model_int8.onnx", "retrain.yaml"


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
    int8: Int8Loss | None = None
    """What int8 costs; None without an int8 file."""

    @property
    def files(self) -> tuple[Path, ...]:
        """The paths of its files."""
        names = (ARCHITECTURE, WEIGHTS, RECIPE, METRICS, ONNX, INT8, RETRAIN, HANDBOOK, CONVERT)
        files = [self.folder / name for name in names if (self.folder / name).is_file()]
        return (*files, *sorted((self.folder / GOLDEN).iterdir()), *sorted((self.folder / CALIBRATION).glob("*")))


def export(
    model: Model, target: Path, form: Form = ANY_SIZE, more: Callable[[Path], None] = lambda folder: None
) -> Exported:
    """Write a model, its ONNX file and its recipe into the new folder `target`, and verify each file.

    The ONNX file has the given form. Beside it lie a README.md, which says how an image is fed, and the folder golden
    with an input and its right output. `more` may write further files before the folder appears.

    The architecture must have the same fingerprint when it is read back. The weights must give bit-equal output in a
    newly built network. ONNX Runtime must give the same output up to the network's `tolerance`. `load_recipe` must
    read the same recipe. `target` appears whole or not at all.

    Raises InputError if `target` is a file or a folder that isn't empty, if the recipe is incomplete, if the size of
    the form is too small, or if its target refuses the network; RunError if a file is wrong.
    """
    if target.is_file() or (target.is_dir() and any(target.iterdir())):
        raise InputError(f"{target} exists; name a new folder to export to.")
    form.check_size(SPACES.get(model.architecture.space).minimum_side)
    if _trained(model):
        parse_recipe(model.recipe, torch.device("cpu"), "The model's recipe")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{target.name}.", dir=target.parent) as temporary:
            folder = Path(temporary) / "export"
            difference = _write(model, folder, form)
            more(folder)
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


def _write(model: Model, folder: Path, form: Form) -> float:
    """Write and verify all files; return the difference of the ONNX form."""
    model.save(folder)
    if _trained(model):
        header = "# Trains this architecture again from random weights; DIR is the data set:\n"
        recipe = to_yaml(dict(model.recipe))
        write_atomic(folder / RETRAIN, f"{header}#   {retrain_command(Path())}\n{recipe}")
    _verify(model, folder)
    normalisation = Normalisation.stored(model.recipe)
    to_onnx(model.network, model.architecture, folder / ONNX, normalisation, form)
    if form.target:
        explain_refused(form.target, operators(required("onnx").load(folder / ONNX)))
    difference = check_onnx(folder / ONNX, model.network, form=form, normalisation=normalisation)
    accepted = HALF if form.half else tolerance(model.network, model.architecture.channels)
    if form.bits is not None:  # a value between two integers may be rounded to the other one
        accepted = max(accepted, 1.01 / (2**form.bits - 1))
    if not difference < accepted:
        raise RunError(
            f"The ONNX form differs by {difference:.1e} from the network; at most {accepted:.0e} is accepted."
        )
    write_golden(folder, folder / ONNX, model.architecture, form)
    write_handbook(folder, model.architecture, normalisation, form)
    if form.target:
        write_converter(folder, form.target)
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
