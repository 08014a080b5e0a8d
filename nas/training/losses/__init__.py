"""The losses of trainings: one file for each kind of loss, registered under the name that recipes use."""

from nas.training.losses.loss import LOSSES, Batch, Criterion, Learner, Loss, Setting, loss, pixel_loss

__all__ = ["LOSSES", "Batch", "Criterion", "Learner", "Loss", "Setting", "loss", "pixel_loss"]
