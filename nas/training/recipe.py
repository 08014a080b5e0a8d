"""A recipe: everything that decides a training, as data."""

import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self, cast

import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from nas.data.degradation import label_of, self_contained
from nas.data.frames import Counts
from nas.data.normalisation import AUTO, Normalisation
from nas.errors import InputError
from nas.fields import Real, Seed, Whole, message_of
from nas.training.losses import LOSSES
from nas.training.options import Adversarial, Features, Losses, Stage
from nas.training.schedule import Cosine, Phase
from search_spaces.documents import DocumentError, place_of, read_yaml, to_yaml
from search_spaces.registry import UnknownNameError, unknown_name

SHIPPED = Path(__file__).parent / "recipes"
"""The recipes that come with the package, one YAML file each."""

_ONLY_FOR = {"adversarial": "adversarial", "features": "perceptual", "teacher": "distillation"}
"""Fields that one loss alone makes use of."""

_PARTS: Mapping[str, type[BaseModel]] = {"stages": Stage, "adversarial": Adversarial, "features": Features}
"""Fields that have fields of their own."""

Decay = Annotated[float, Field(ge=0, lt=1, strict=True)]
"""The decay of a moving average."""


class Recipe(BaseModel):
    """What to do with a network: how long, on what batches, with which losses, optimiser and schedule.

    The brief proxy and the full training differ only in their recipe. Lengths may depend on the device: a YAML value
    `{cpu: 300, cuda: 3000}` is resolved when the recipe is read, so a recipe that was used holds plain numbers.

    With a `denoiser`, the network is trained and validated on LR images that have passed it. Like every path that the
    tool takes it is seen from the current folder, not from the recipe's file, so it reads the same on each machine
    of a search; what it names is told by its weights, and a training or a search doesn't go on behind other ones.
    So it is with a `teacher` and with the weights of `features`.

    The learning rate rises linearly, then falls as a cosine over all steps; a stage that names a learning rate begins
    a cosine of its own, without a rise, that lasts until the next such stage (and the one before ends there).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    steps: Whole = Field(gt=0, description="optimiser steps")
    batch: Whole = Field(gt=0, description="patches a step")
    patch: Whole = Field(gt=0, description="height and width of an LR patch, in pixels")
    losses: Losses = Field({"l1": 1.0}, description="weights by the losses' names")
    stages: tuple[Stage, ...] = Field((), description="shares of the steps with other fields; none: one for all")
    learning_rate: Real = Field(gt=0, description="peak learning rate of Adam")
    warmup: Real = Field(0.05, ge=0, lt=1, description="share of the steps in which the learning rate rises linearly")
    final_learning_rate: Real = Field(0.0, ge=0, le=1, description="share of the peak that the cosine ends at")
    betas: tuple[Decay, Decay] = (0.9, 0.999)
    clip: float = Field(1.0, gt=0, strict=True, description="largest gradient norm; .inf: any")
    ema: Decay = Field(0.0, description="decay of the moving average of the weights that is kept; 0: none")
    precision: Literal["auto", "float32", "bfloat16"] = Field("auto", description="auto: bfloat16 where it is faster")
    normalisation: Normalisation = Field(AUTO, description="which integers of a file a network sees as 0 and 1")
    degradation: str | dict[str, Any] = Field(
        "bicubic", description="what makes LR images: a name, or the `name` and `operations` of one's own"
    )
    counts: Counts | None = Field(
        None,
        description="scale of images that aren't of 8 or 16 bits: value = offset + scale x count; null: images.yaml",
    )
    denoiser: str | None = Field(
        None, min_length=1, description="model directory of a denoiser that LR images pass first, as seen from here"
    )
    adversarial: Adversarial | None = Field(None, description="the discriminator of the loss 'adversarial'")
    features: Features | None = Field(None, description="the classifier of the loss 'perceptual'")
    teacher: str | None = Field(
        None, min_length=1, description="model directory, SPACE/POINT or checkpoint that the loss 'distillation' is for"
    )
    validations: Whole = Field(4, gt=0, description="how many times PSNR is measured, the last at the end")
    validation_crop: Whole | None = Field(None, gt=0, description="centre crop of HR validation images; null: whole")
    seed: Seed = 0

    @model_validator(mode="before")
    @classmethod
    def _refuse_the_old_field(cls, data: Any) -> Any:
        if isinstance(data, Mapping) and "loss" in data:
            raise ValueError(f"'loss' is now 'losses', which gives weights; write 'losses: {{{data['loss']}: 1.0}}'")
        return data

    @model_validator(mode="after")
    def _check_stages(self) -> Self:
        if self.stages and abs(sum(stage.share for stage in self.stages) - 1) > 1e-6:
            shares = " + ".join(f"{stage.share:g}" for stage in self.stages)
            raise ValueError(f"the shares of 'stages' must sum to 1, but {shares} is not 1")
        return self

    @model_validator(mode="after")
    def _check_what_losses_need(self) -> Self:
        for field, loss in _ONLY_FOR.items():
            if getattr(self, field) is not None and loss not in self.all_losses:
                raise ValueError(f"'{field}' has no effect without the loss '{loss}'; add that or leave '{field}' out")
        if self.teacher is None and "distillation" in self.all_losses:
            raise ValueError("the loss 'distillation' needs a 'teacher': a model directory, SPACE/POINT or checkpoint")
        return self

    @property
    def all_losses(self) -> tuple[str, ...]:
        """The names of the losses of all stages, each once."""
        everywhere = [stage.losses or self.losses for stage in self.stages] or [self.losses]
        return tuple(dict.fromkeys(name for losses in everywhere for name in losses))

    @property
    def phases(self) -> tuple[Phase, ...]:
        """The stages as steps; a stage that is too short for one is left out."""
        stages = self.stages or (Stage(share=1.0),)
        ends = [round(self.steps * share) for share in itertools.accumulate(stage.share for stage in stages)]
        spans = [span for span in zip(stages, [0, *ends], ends, strict=False) if span[1] < span[2]]
        starts = [begin for stage, begin, _ in spans if begin == 0 or stage.learning_rate is not None]
        phases: list[Phase] = []
        for stage, begin, end in spans:
            if begin in starts:
                rate = Cosine(
                    begin,
                    next((start for start in starts if start > begin), self.steps),
                    stage.learning_rate or self.learning_rate,
                    rise=max(1, round(self.warmup * self.steps)) if begin == 0 else 0,
                    final=self.final_learning_rate,
                )
            losses, batch, patch = stage.losses or self.losses, stage.batch or self.batch, stage.patch or self.patch
            phases.append(Phase(begin, end, losses, batch, patch, rate))
        return tuple(phases)

    def phase_at(self, step: int) -> Phase:
        """Return the phase of step 0, 1, …; beyond the last step, the last phase."""
        phases = self.phases
        return next((phase for phase in phases if step < phase.end), phases[-1])

    @property
    def largest_patch(self) -> int:
        """Height and width of the largest LR patch of all stages, in pixels."""
        return max(phase.patch for phase in self.phases)

    def learning_rate_at(self, step: int) -> float:
        """Return the learning rate of step 0, 1, …"""
        return self.phase_at(step).learning_rate.at(step)

    def validates_after(self, step: int) -> bool:
        """Tell whether PSNR is measured after `step` steps."""
        return any(step == round(self.steps * i / self.validations) for i in range(1, self.validations + 1))

    def resolved(self, device: torch.device) -> "Recipe":
        """Return the recipe with `precision: auto` replaced by what is faster on `device`."""
        if self.precision != "auto":
            return self
        return self.model_copy(update={"precision": "bfloat16" if fast_bfloat16(device) else "float32"})

    def seeing(self, normalisation: Normalisation, counts: Counts | None = None) -> "Recipe":
        """Return the recipe with another normalisation, such as what a data set made of its own, and its `counts`."""
        return self.model_copy(update={"normalisation": normalisation, "counts": counts or self.counts})

    @property
    def input_in_words(self) -> str:
        """What makes the LR images."""
        return f"'{label_of(self.degradation)}'{f' and denoised by {self.denoiser}' if self.denoiser else ''}"

    def to_yaml(self) -> str:
        """Return the recipe as a YAML document."""
        return to_yaml(self.model_dump(mode="json"))


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
        recipe = Recipe.model_validate(given).resolved(device)
        for name in recipe.all_losses:
            LOSSES.get(name)
    except ValidationError as error:
        raise InputError(f"{origin}: {_in_words(error)}") from None
    except UnknownNameError as error:
        raise InputError(f"{origin}: {error}") from None
    return recipe


def _in_words(error: ValidationError) -> str:
    """Return a sentence on the first thing that is wrong."""
    first = error.errors()[0]
    *path, field = first["loc"] or ("",)
    if first["type"] == "extra_forbidden":
        if not path:
            return str(unknown_name("recipe field", str(field), dict(Recipe.model_fields)))
        part = _PARTS.get(str(path[0]))
        known = sorted(part.model_fields) if part else []
        return str(unknown_name(f"field of '{place_of(tuple(path))}'", str(field), known))
    message = message_of(error)
    if not field:
        return f"{message}."
    return f"the field '{place_of(first['loc'])}' is wrong: {message}."


def load_recipe(name: str, device: torch.device, **overrides: object) -> Recipe:
    """Read a shipped recipe by its name, or a user's YAML file by its path; `overrides` replace single fields.

    A file may name a shipped recipe in `base` and replace only some fields, each as a whole; its `batch` and `patch`
    hold in the stages of the base, too. Where `degradation` is the path of a file, the recipe holds what is in it.
    Raises InputError.
    """
    shipped = _shipped()
    path = shipped.get(name) or Path(name)
    if not path.is_file():
        raise InputError(str(unknown_name("recipe", name, dict(shipped))))
    data = _read(path)
    if isinstance(data, dict) and isinstance(degradation := {**data, **overrides}.get("degradation"), str | dict):
        overrides["degradation"] = self_contained(degradation)
    return parse_recipe(data, device, str(path if path.stem not in shipped else name), **overrides)


def _shipped() -> dict[str, Path]:
    return {path.stem: path for path in SHIPPED.glob("*.yaml")}


def _read(path: Path) -> object:
    """Return what is in a file, with the fields of its `base` beneath."""
    try:
        data: Any = read_yaml(path)
    except DocumentError as error:
        raise InputError(str(error)) from None
    if not isinstance(data, dict) or "base" not in data:
        return data
    base = _shipped().get(str(data.pop("base")))
    if base is None:
        raise InputError(f"{path}: 'base' must name a shipped recipe: {', '.join(sorted(_shipped()))}.")
    beneath = cast(dict[str, Any], _read(base))
    if "stages" in beneath and "stages" not in data:
        # What the user says of all steps must not be lost to stages that somebody else wrote.
        held = [field for field in ("batch", "patch") if field in data]
        beneath["stages"] = [{n: v for n, v in stage.items() if n not in held} for stage in beneath["stages"]]
    return {**beneath, **data}


def _for_device(value: object, device: torch.device) -> object:
    """Replace `{cpu: …, cuda: …}`, however deep, by what is for `device`."""
    if isinstance(value, Mapping):
        if "cpu" in value:
            return value.get(device.type, value["cpu"])
        return {name: _for_device(part, device) for name, part in value.items()}
    if isinstance(value, list):
        return [_for_device(part, device) for part in value]
    return value
