"""The parts of a recipe that have fields of their own."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from nas.fields import Real, Truth, Whole

Weight = Annotated[float, Field(gt=0, allow_inf_nan=False, strict=True)]
"""The weight of a term in a sum."""

Losses = Annotated[dict[str, Weight], Field(min_length=1)]
"""A name in `nas.training.losses.LOSSES` → the weight of this loss."""


class Stage(BaseModel):
    """A share of the steps of a training, with its own values of some fields of the recipe."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    share: Real = Field(gt=0, le=1, description="share of the steps; those of all stages sum to 1")
    losses: Losses | None = None
    batch: Whole | None = Field(default=None, gt=0)
    patch: Whole | None = Field(default=None, gt=0)
    learning_rate: Real | None = Field(default=None, gt=0, description="peak of a new cosine that begins here")


class Plateau(BaseModel):
    """When a training skips to its cool-down, because the validation PSNR has stopped growing.

    The cool-down is the end of the present cosine of the learning rate. It is never skipped, since networks climb most
    where the learning rate falls.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    patience: Whole = Field(gt=0, description="number of validations in a row without a gain")
    min_gain: Real = Field(default=0.01, ge=0, description="least gain over the best validation before, in dB")
    cool_down: Real = Field(default=0.3, gt=0, lt=1, description="share of the steps of the cosine, at its end")


class Adversarial(BaseModel):
    """The discriminator of the loss `adversarial`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    discriminator: Literal["unet", "patch"] = "unet"
    width: Whole = Field(default=64, gt=0, description="number of features of the first convolution")
    relativistic: Truth = Field(default=False, description="whether it compares images instead of judging each image")


class Features(BaseModel):
    """The classifier of the loss `perceptual`, and the weights of its layers.

    The default layers are Real-ESRGAN's (2107.10833) of VGG19: convolutions before their ReLU.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    weights: str = Field(default="vgg19.pth", min_length=1, description="file of weights, as torchvision publishes it")
    layers: dict[str, Weight] = Field(
        default={"conv1_2": 0.1, "conv2_2": 0.1, "conv3_4": 1.0, "conv4_4": 1.0, "conv5_4": 1.0}, min_length=1
    )
