"""The adversarial loss: the network learns to make images that a discriminator takes for HR images."""

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nas.training.discriminators import DISCRIMINATORS
from nas.training.losses.loss import Batch, Learner, Setting, loss

FLATTEST = 0.02
"""Added to the deviation of a patch, so that the noise of a flat patch is not amplified: five grey levels of 8 bits."""


@loss("adversarial")
class Adversary(Learner):
    """A discriminator that learns beside the network.

    Plain: binary cross-entropy of its logits (Goodfellow et al., 1406.2661; the network's loss is non-saturating).
    Relativistic: binary cross-entropy of how much more real an HR image looks than the mean SR image, and the other way
    round (ESRGAN, 1809.00219, equations 1 and 2).

    Patches are standardised with the mean and the deviation of the HR patch. Infrared scenes fill little of their
    range, and spectral normalisation keeps the discriminator from amplifying small differences. On real images the
    U-Net's cross-entropy fell in 200 steps from 0.69 to 0.33 (learning rate 2e-4); without standardisation it stayed at
    0.69.
    """

    learns: ClassVar[str] = "discriminator"

    def __init__(self, setting: Setting) -> None:
        options = setting.adversarial
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(setting.seed)
            network = DISCRIMINATORS[options.discriminator](options.width)
        self.discriminator: nn.Module = network.to(setting.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._optimiser = setting.make_optimiser(self.discriminator)
        self._set_learning_rate, self._autocast = setting.set_learning_rate, setting.autocast
        self._average_gradients = setting.average_gradients
        self._relativistic = options.relativistic

    def __call__(self, batch: Batch) -> Tensor:
        """Return the network's loss: how well the discriminator recognises its images."""
        self.discriminator.requires_grad_(False)
        hr, sr = _standardised(batch)
        fake = self._judge(sr)
        if not self._relativistic:
            return _cross_entropy(fake, True)
        real = self._judge(hr)
        return (_cross_entropy(real - fake.mean(), False) + _cross_entropy(fake - real.mean(), True)) / 2

    def learn(self, batch: Batch) -> Tensor:
        """Make a step of the discriminator and return its loss."""
        self.discriminator.requires_grad_(True)
        real, fake = self._judge(torch.cat(_standardised(batch))).chunk(2)
        if self._relativistic:
            real, fake = real - fake.mean(), fake - real.mean()
        own = (_cross_entropy(real, True) + _cross_entropy(fake, False)) / 2
        self._optimiser.zero_grad(set_to_none=True)
        own.backward()
        self._average_gradients(list(self.discriminator.parameters()))
        self._optimiser.step()
        return own.detach()

    def set_learning_rate(self, rate: float) -> None:
        """Set the learning rate of the discriminator's next steps."""
        self._set_learning_rate(self._optimiser, rate)

    @property
    def networks(self) -> Mapping[str, nn.Module]:
        """The discriminator."""
        return {self.learns: self.discriminator}

    @property
    def optimisers(self) -> Mapping[str, torch.optim.Optimizer]:
        """The optimiser of the discriminator."""
        return {f"{self.learns} optimiser": self._optimiser}

    def _judge(self, images: Tensor) -> Tensor:
        with self._autocast():
            logits: Tensor = self.discriminator(images.contiguous(memory_format=torch.channels_last))
        return logits.float()


def _standardised(batch: Batch) -> tuple[Tensor, Tensor]:
    """Return HR and SR, standardised with the mean and the deviation of each HR patch."""
    deviation, mean = torch.std_mean(batch.hr, dim=(1, 2, 3), keepdim=True)
    return (batch.hr - mean) / (deviation + FLATTEST), (batch.sr - mean) / (deviation + FLATTEST)


def _cross_entropy(logits: Tensor, real: bool) -> Tensor:
    """Return the cross-entropy of logits for images that are all real, or all made."""
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, float(real)))
