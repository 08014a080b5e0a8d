"""The loss by which a network learns to make what a discriminator can't tell from HR images."""

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nas.training.discriminators import DISCRIMINATORS
from nas.training.losses.loss import Batch, Learner, Setting, loss

FLATTEST = 0.02
"""What is added to a patch's deviation, so that one without content is not all noise; five grey levels of 8 bits."""


@loss("adversarial")
class Adversary(Learner):
    """A discriminator that learns beside the network.

    Plain: binary cross-entropy of its logits (Goodfellow et al., 1406.2661, the network's in the non-saturating form).
    Relativistic: of how much more real an HR image looks than the mean SR image and the other way round (ESRGAN,
    1809.00219, equations 1 and 2).

    It sees patches with the mean and the deviation of the HR patch taken out. Infrared scenes fill little of their
    range, and spectral normalisation keeps the discriminator from amplifying what they differ in: on real images the
    U-Net's cross-entropy fell in 200 steps from 0.69 to 0.33, without it to 0.69 (learning rate 2e-4).
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
        """Return how well the discriminator tells the network's images."""
        self.discriminator.requires_grad_(False)
        hr, sr = _standardised(batch)
        fake = self._judge(sr)
        if not self._relativistic:
            return _told(fake, True)
        real = self._judge(hr)
        return (_told(real - fake.mean(), False) + _told(fake - real.mean(), True)) / 2

    def learn(self, batch: Batch) -> Tensor:
        """Let the discriminator make one step."""
        self.discriminator.requires_grad_(True)
        real, fake = self._judge(torch.cat(_standardised(batch))).chunk(2)
        if self._relativistic:
            real, fake = real - fake.mean(), fake - real.mean()
        own = (_told(real, True) + _told(fake, False)) / 2
        self._optimiser.zero_grad(set_to_none=True)
        own.backward()
        self._average_gradients(list(self.discriminator.parameters()))
        self._optimiser.step()
        return own.detach()

    def set_learning_rate(self, rate: float) -> None:
        """Let the discriminator learn as fast as the network."""
        self._set_learning_rate(self._optimiser, rate)

    @property
    def networks(self) -> Mapping[str, nn.Module]:
        """The discriminator."""
        return {self.learns: self.discriminator}

    @property
    def optimisers(self) -> Mapping[str, torch.optim.Optimizer]:
        """Its optimiser."""
        return {f"{self.learns} optimiser": self._optimiser}

    def _judge(self, images: Tensor) -> Tensor:
        with self._autocast():
            logits: Tensor = self.discriminator(images.contiguous(memory_format=torch.channels_last))
        return logits.float()


def _standardised(batch: Batch) -> tuple[Tensor, Tensor]:
    """Return HR and SR with the mean and the deviation of each HR patch taken out."""
    deviation, mean = torch.std_mean(batch.hr, dim=(1, 2, 3), keepdim=True)
    return (batch.hr - mean) / (deviation + FLATTEST), (batch.sr - mean) / (deviation + FLATTEST)


def _told(logits: Tensor, real: bool) -> Tensor:
    """Return the cross-entropy when all should have been called real, or made."""
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, float(real)))
