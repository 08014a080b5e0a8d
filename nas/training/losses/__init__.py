"""What a training minimises: one file for each kind of loss, which registers itself under the name that recipes use."""

from nas.training.losses.loss import LOSSES, Batch, Criterion, Learner, Loss, Setting, loss, pixel_loss

__all__ = ["LOSSES", "Batch", "Criterion", "Learner", "Loss", "Setting", "loss", "pixel_loss"]
