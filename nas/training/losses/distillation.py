"""The distillation loss: the difference between the outputs of a network and of its teacher for the same image."""

import torch
from torch import Tensor
from torch.nn import functional as F

from nas.training.losses.loss import Batch, Setting, loss
from nas.training.teacher import load_teacher


@loss("distillation", worst=1.0)
class Distillation:
    """Mean absolute difference from the teacher's output."""

    def __init__(self, setting: Setting) -> None:
        if setting.teacher is None:
            raise ValueError("A recipe with the loss 'distillation' must have a teacher.")
        self._teacher = load_teacher(setting.teacher, setting.scale, setting.normalisation, setting.device)
        self._autocast = setting.autocast

    def __call__(self, batch: Batch) -> Tensor:
        """Return the loss. The teacher gets no gradient."""
        with torch.no_grad(), self._autocast():
            wanted = self._teacher(batch.lr)
        return F.l1_loss(batch.sr, wanted.float())
