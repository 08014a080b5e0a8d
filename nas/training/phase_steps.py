"""The steps of a training, phase by phase: patches are drawn, and a step is made of them, on a GPU as a CUDA graph."""

from collections.abc import Callable

import torch
from torch import Tensor

from nas.data.image_set import ImageSet
from nas.data.patches import PatchSampler
from nas.training.capture import Captured, CudaGraphs
from nas.training.group import Group
from nas.training.recipe import Recipe
from nas.training.schedule import Phase
from nas.training.step import Step


class PhaseSteps:
    """Makes the steps of a recipe on the training images, in this process of a group."""

    def __init__(self, step: Step, images: ImageSet, recipe: Recipe, device: torch.device, group: Group) -> None:
        self._step, self._images, self._recipe, self._device, self._group = step, images, recipe, device, group
        self._run: Callable[..., Tensor] = step
        self._phase: Phase | None = None

    def enter_phase(self, step: int) -> Phase:
        """Return the phase of step 0, 1, …, and prepare its patches, losses and captured step."""
        phase = self._recipe.phase_at(step)
        if phase != self._phase:
            if self._phase is None or phase.patch != self._phase.patch:
                # The old pixels are freed first: a device may not have room for them twice.
                vars(self).pop("_patches", None)
                self._patches = PatchSampler(self._images, phase.patch, self._device)
            self._step.weigh(phase.losses)
            self._phase = phase
            self._run = self._captured(self._step_of_drawn if self._patches.is_resident else self._step)
        return phase

    def make(self, step: int, phase: Phase, generator: torch.Generator) -> Tensor:
        """Make step 0, 1, … with patches that `generator` draws; return the losses, [len(step.names)]."""
        self._step.set_learning_rate(phase.learning_rate.at(step))
        share = self._group.share(phase.batch)  # all processes draw the same batch, and each takes its share
        if self._patches.is_resident:
            return self._run(self._patches.draw(phase.batch, generator)[:, share])
        lr, hr = self._patches.sample(phase.batch, generator)
        return self._run(lr[share], hr[share])

    def release(self) -> None:
        """Forget the captured step. It holds this object, and the cycle would keep both in the device's memory."""
        self._run = self._step

    def _captured(self, function: Callable[..., Tensor]) -> Callable[..., Tensor]:
        # The exchange between processes is not captured.
        is_capturable = self._device.type == "cuda" and self._group.size == 1
        return Captured(function, CudaGraphs(self._device)) if is_capturable else function

    def _step_of_drawn(self, drawn: Tensor) -> Tensor:
        return self._step(*self._patches.gather(drawn))
