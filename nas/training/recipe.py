"""A recipe: everything that decides a training, as data."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import torch
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from nas.data.degradation import label_of, self_contained
from nas.errors import InputError
from search_spaces.registry import unknown_name

SHIPPED = Path(__file__).parent / "recipes"
"""The recipes that come with the package, one YAML file each."""

Decay = Annotated[float, Field(ge=0, lt=1)]
"""The decay of a moving average."""


class Recipe(BaseModel):
    """What to do with a network: how long, on what batches, with which optimiser and schedule.

    The brief proxy and the full training differ only in their recipe. Lengths may depend on the device: a YAML value
    `{cpu: 300, cuda: 3000}` is resolved when the recipe is read, so a recipe that was used holds plain numbers.

    With a `denoiser`, the network is trained and validated on LR images that have passed it. Like every path that the
    tool takes it is seen from the current folder, not from the recipe's file, so it reads the same on each machine
    of a search; what it names is told by its weights, and a training or a search doesn't go on behind other ones.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    steps: int = Field(gt=0, description="optimiser steps")
    batch: int = Field(gt=0, description="patches a step")
    patch: int = Field(gt=0, description="height and width of an LR patch, in pixels")
    loss: Literal["l1", "l2"] = "l1"
    learning_rate: float = Field(gt=0, description="peak learning rate of Adam")
    warmup: float = Field(0.05, ge=0, lt=1, description="share of the steps in which the learning rate rises linearly")
    final_learning_rate: float = Field(0.0, ge=0, le=1, description="share of the peak that the cosine ends at")
    betas: tuple[Decay, Decay] = (0.9, 0.999)
    clip: float = Field(1.0, gt=0, description="largest gradient norm")
    ema: Decay = Field(0.0, description="decay of the moving average of the weights that is kept; 0: none")
    precision: Literal["auto", "float32", "bfloat16"] = Field("auto", description="auto: bfloat16 where it is faster")
    degradation: str | dict[str, Any] = Field(
        "bicubic", description="what makes LR images: a name, or the `name` and `operations` of one's own"
    )
    denoiser: str | None = Field(
        None, min_length=1, description="model directory of a denoiser that LR images pass first, as seen from here"
    )
    validations: int = Field(4, gt=0, description="how many times PSNR is measured, the last at the end")
    validation_crop: int | None = Field(None, gt=0, description="centre crop of the HR validation images; null: whole")
    seed: int = 0

    def learning_rate_at(self, step: int) -> float:
        """Return the learning rate of step 0, 1, …: linear warm-up, then a cosine (Loshchilov & Hutter, 1608.03983)."""
        warmup = max(1, round(self.warmup * self.steps))
        if step < warmup:
            return self.learning_rate * (step + 1) / warmup
        progress = (step - warmup) / max(1, self.steps - warmup)
        share = self.final_learning_rate + (1 - self.final_learning_rate) * (1 + math.cos(math.pi * progress)) / 2
        return self.learning_rate * share

    def validates_after(self, step: int) -> bool:
        """Tell whether PSNR is measured after `step` steps."""
        return any(step == round(self.steps * i / self.validations) for i in range(1, self.validations + 1))

    def resolved(self, device: torch.device) -> "Recipe":
        """Return the recipe with `precision: auto` replaced by what is faster on `device`."""
        if self.precision != "auto":
            return self
        return self.model_copy(update={"precision": "bfloat16" if fast_bfloat16(device) else "float32"})

    @property
    def input_in_words(self) -> str:
        """What makes the LR images."""
        return f"'{label_of(self.degradation)}'{f' and denoised by {self.denoiser}' if self.denoiser else ''}"

    def to_yaml(self) -> str:
        """Return the recipe as a YAML document."""
        return yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False)


def fast_bfloat16(device: torch.device) -> bool:
    """Tell whether `device` multiplies bfloat16 faster than float32 (measured: 1.5 to 3 times on AVX512-BF16)."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return device.type == "cpu" and bool(torch.cpu._is_avx512_bf16_supported())


def parse_recipe(data: object, device: torch.device, origin: str = "recipe", **overrides: object) -> Recipe:
    """Return the recipe in `data` for `device`. Raises InputError naming the field that is unknown or wrong."""
    if not isinstance(data, Mapping):
        raise InputError(f"{origin}: a recipe must be a mapping of fields to values.")
    given = {str(name): _for_device(value, device) for name, value in {**data, **overrides}.items()}
    try:
        return Recipe.model_validate(given).resolved(device)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"]))
        if first["type"] == "extra_forbidden":
            raise InputError(f"{origin}: {unknown_name('recipe field', field, dict(Recipe.model_fields))}") from None
        raise InputError(f"{origin}: the field '{field}' is wrong: {first['msg']}.") from None


def load_recipe(name: str, device: torch.device, **overrides: object) -> Recipe:
    """Read a shipped recipe by its name, or a user's YAML file by its path; `overrides` replace single fields.

    A user's file may name a shipped recipe in `base` and override only some fields. Where `degradation` is the path
    of a file, the recipe holds what is in it. Raises InputError.
    """
    shipped = {path.stem: path for path in SHIPPED.glob("*.yaml")}
    path = shipped.get(name) or Path(name)
    if not path.is_file():
        raise InputError(str(unknown_name("recipe", name, dict(shipped))))
    try:
        data: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not a YAML document: {str(error).splitlines()[0]}.") from None
    if isinstance(data, dict) and "base" in data:
        base = shipped.get(str(data.pop("base")))
        if base is None:
            raise InputError(f"{path}: 'base' must name a shipped recipe: {', '.join(sorted(shipped))}.")
        data = {**yaml.safe_load(base.read_text(encoding="utf-8")), **data}
    if isinstance(data, dict) and isinstance(degradation := {**data, **overrides}.get("degradation"), str | dict):
        overrides["degradation"] = self_contained(degradation)
    return parse_recipe(data, device, str(path if path.stem not in shipped else name), **overrides)


def _for_device(value: object, device: torch.device) -> object:
    if isinstance(value, Mapping) and "cpu" in value:
        return value.get(device.type, value["cpu"])
    return value
