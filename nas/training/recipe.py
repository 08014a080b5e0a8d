"""A recipe: everything that decides a training, as data."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

import torch
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    ValidationError,
    model_serializer,
    model_validator,
)

from nas.data.degradation import label_of, self_contained
from nas.data.frames import Counts
from nas.data.normalisation import AUTO, Normalisation
from nas.errors import InputError
from nas.fields import Real, Seed, Whole, message_of
from nas.training.losses import LOSSES
from nas.training.options import Adversarial, Features, Losses, Plateau, Stage
from nas.training.recipe_files import for_device, read_recipe_file
from nas.training.schedule import Phase, cosines
from search_spaces.documents import place_of, to_yaml
from search_spaces.registry import UnknownNameError, unknown_name

LEAST_WINDOWS = 5
"""A training is at least this many times as long as its moving average, 1 / (1 - decay) steps."""

_ONLY_FOR = {"adversarial": "adversarial", "features": "perceptual", "teacher": "distillation"}
"""A field → the only loss that uses it."""

_PARTS: Mapping[str, type[BaseModel]] = {
    "stages": Stage,
    "adversarial": Adversarial,
    "features": Features,
    "plateau": Plateau,
}
"""A field with fields of its own → its model."""

Decay = Annotated[float, Field(ge=0, lt=1, strict=True)]
"""The decay of a moving average."""


class Recipe(BaseModel):
    """How to train a network: steps, batches, losses, optimiser and schedule.

    The brief proxy and the full training differ only in their recipes. Lengths may depend on the device: a YAML value
    `{cpu: 300, cuda: 3000}` is resolved when the recipe is read, so a recipe in use holds plain numbers.

    With a `denoiser`, the network is trained and validated on LR images that passed the denoiser. Its path is relative
    to the current folder, not to the recipe's file, so a recipe means the same on each machine of a search. Its weights
    identify it: a training or a search doesn't continue with other weights. The same holds for `teacher` and for the
    weights of `features`.

    The learning rate rises linearly, then falls as a cosine over all steps. A stage with a learning rate starts its own
    cosine, without a rise. The cosine lasts until the next such stage, and the cosine before ends there. With a
    `plateau`, a training whose validation PSNR has stopped growing skips to the end of its cosine.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    steps: Whole = Field(gt=0, description="optimiser steps")
    batch: Whole = Field(gt=0, description="patches in a step")
    patch: Whole = Field(gt=0, description="height and width of an LR patch, in pixels")
    losses: Losses = Field({"l1": 1.0}, description="weights by the losses' names")
    stages: tuple[Stage, ...] = Field((), description="shares of the steps with other fields; empty: a single stage")
    learning_rate: Real = Field(gt=0, description="peak learning rate of Adam")
    warmup: Real = Field(
        0.05,
        ge=0,
        description="share of the steps in which the learning rate rises linearly; from 1 on the number of these steps",
    )
    final_learning_rate: Real = Field(0.0, ge=0, le=1, description="share of the peak at the end of the cosine")
    betas: tuple[Decay, Decay] = (0.9, 0.999)
    clip: float = Field(1.0, gt=0, strict=True, description="largest gradient norm; .inf: no limit")
    ema: Decay = Field(0.0, description="decay of the moving average of the weights that is kept; 0: no average")
    precision: Literal["auto", "float32", "bfloat16"] = Field("auto", description="auto: bfloat16 where it is faster")
    normalisation: Normalisation = Field(AUTO, description="the integers of a file that a network sees as 0 and 1")
    degradation: str | dict[str, Any] = Field(
        "bicubic", description="what makes LR images: a name, or the `name` and `operations` of your own degradation"
    )
    counts: Counts | None = Field(
        None,
        description="scale of images that aren't of 8 or 16 bits: value = offset + scale x count; null: images.yaml",
    )
    denoiser: str | None = Field(
        None,
        min_length=1,
        description="model directory of a denoiser for LR images, relative to the current folder",
    )
    adversarial: Adversarial | None = Field(None, description="the discriminator of the loss 'adversarial'")
    features: Features | None = Field(None, description="the classifier of the loss 'perceptual'")
    teacher: str | None = Field(
        None,
        min_length=1,
        description="model directory, SPACE/POINT or checkpoint, for the loss 'distillation'",
    )
    validations: Whole = Field(4, gt=0, description="number of validations, the last after the last step")
    validation_crop: Whole | None = Field(
        None, gt=0, description="side of the HR centre crop, in pixels; null: whole images"
    )
    plateau: Plateau | None = Field(None, description="when to skip to the cool-down; null: never")
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
        if self.plateau is not None and (sharp := {"adversarial", "perceptual"}.intersection(self.all_losses)):
            raise ValueError(f"'plateau' watches the PSNR, which the loss '{min(sharp)}' lowers; leave 'plateau' out")
        return self

    @model_serializer(mode="wrap")
    def _without_empty_plateau(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # Trainings that were made before there was this field have no such entry, and are still the same trainings.
        fields: dict[str, Any] = handler(self)
        if self.plateau is None:
            fields.pop("plateau", None)
        return fields

    @property
    def all_losses(self) -> tuple[str, ...]:
        """The different names of the losses of all stages."""
        everywhere = [stage.losses or self.losses for stage in self.stages] or [self.losses]
        return tuple(dict.fromkeys(name for losses in everywhere for name in losses))

    @property
    def decay(self) -> float:
        """The decay of the moving average: `ema`, but in a short training at most a fifth of its steps count.

        Otherwise the average would still hold a part of the random weights at the end.
        """
        return max(0.0, min(self.ema, 1 - LEAST_WINDOWS / self.steps))

    @property
    def rise(self) -> int:
        """The number of steps in which the learning rate rises; of a number of steps at most a quarter of all steps."""
        if self.warmup < 1:
            return max(1, round(self.warmup * self.steps))
        return max(1, min(round(self.warmup), self.steps // 4))

    @property
    def phases(self) -> tuple[Phase, ...]:
        """The stages as ranges of steps. A stage that is too short for a step is left out."""
        spans: list[tuple[Stage, int, int]] = []
        share, end = 0.0, 0
        for stage in self.stages or (Stage(share=1.0),):
            share += stage.share
            begin, end = end, round(self.steps * share)
            if begin < end:
                spans.append((stage, begin, end))
        peaks = {begin: stage.learning_rate or self.learning_rate for stage, begin, _ in spans if begin == 0}
        peaks |= {begin: stage.learning_rate for stage, begin, _ in spans if stage.learning_rate is not None}
        rates = cosines(peaks, self.steps, self.rise, self.final_learning_rate)
        phases: list[Phase] = []
        for stage, begin, end in spans:
            losses, batch, patch = stage.losses or self.losses, stage.batch or self.batch, stage.patch or self.patch
            rate = next(rate for rate in reversed(rates) if rate.begin <= begin)
            phases.append(Phase(begin, end, losses, batch, patch, rate))
        return tuple(phases)

    def phase_at(self, step: int) -> Phase:
        """Return the phase of step 0, 1, …; after the last step, the last phase."""
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
        """Return the recipe with `precision: auto` replaced by the faster precision of `device`."""
        if self.precision != "auto":
            return self
        return self.model_copy(update={"precision": "bfloat16" if fast_bfloat16(device) else "float32"})

    def seeing(self, normalisation: Normalisation, counts: Counts | None = None) -> "Recipe":
        """Return the recipe with the normalisation, and the scale `counts`, that a data set resolved."""
        return self.model_copy(update={"normalisation": normalisation, "counts": counts or self.counts})

    @property
    def input_in_words(self) -> str:
        """The degradation, and the denoiser if there is one, in words."""
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
    """Return the recipe in `data` for `device`. Raises InputError that names the unknown or wrong field."""
    if not isinstance(data, Mapping):
        raise InputError(f"{origin}: a recipe must be a mapping of fields to values.")
    given = {str(name): for_device(value, device) for name, value in {**data, **overrides}.items()}
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
    """Return a sentence on the first fault."""
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
    """Read a shipped recipe by its name, or a YAML file of the user by its path. `overrides` replace fields.

    A file may name a shipped recipe as `base` and replace fields of it, each as a whole. Its `batch` and `patch` also
    replace those in the stages of the base. If `degradation` is a path, the recipe gets the content of that file.
    Raises InputError for an unknown name, and for a file that is wrong.
    """
    data = read_recipe_file(name)
    if isinstance(data, dict):
        degradation = {**data, **overrides}.get("degradation")
        if isinstance(degradation, str | dict):
            overrides["degradation"] = self_contained(degradation)
    return parse_recipe(data, device, name, **overrides)
