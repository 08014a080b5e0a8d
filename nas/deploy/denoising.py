"""Denoisers: models of scale 1 that images pass before super-resolution or training."""

import hashlib
from pathlib import Path

import torch

from nas.data.normalisation import TYPE, Normalisation
from nas.data.opening import Denoiser
from nas.deploy.upscaler import Upscaler
from nas.errors import InputError
from nas.model import WEIGHTS, Model, is_model, load_model

LEVELS = 255
"""A noise level is given in grey levels of 8 bits for images of any depth: in 255ths of the network's range 0..1."""


def load_denoiser(folder: Path, noise: float | None = None) -> Model:
    """Read the model directory of a denoiser. `noise`, in grey levels of 8 bits, replaces its noise level.

    Raises InputError if the model doesn't have scale 1 and one channel, or takes no noise level but `noise` is given.
    """
    if not is_model(folder):
        raise InputError(f"The denoiser '{folder}' is not a model directory.")
    model = load_model(folder)
    scale, channels = model.architecture.scale, model.architecture.channels
    if scale != 1:
        raise InputError(f"The denoiser '{folder}' is a network of scale {scale}, but a denoiser has scale 1.")
    if channels != 1:
        raise InputError(f"The denoiser '{folder}' takes {channels} channels, but images have one channel.")
    if noise is not None:
        set_noise(model, noise, folder)
    return model


def load_stages(folder: Path, denoiser: Path | None, noise: float | None) -> tuple[Model, Model | None]:
    """Read a model directory, and that of the denoiser before it, if there is one.

    `noise` is the noise level of the denoiser, or of the model if there is no denoiser. Raises InputError as
    `load_model`, `load_denoiser` and `set_noise` do.
    """
    model = load_model(folder)
    if denoiser is not None:
        return model, load_denoiser(denoiser, noise)
    if noise is not None:
        set_noise(model, noise, folder)
    return model, None


def set_noise(model: Model, noise: float, folder: Path) -> None:
    """Set the noise level of a network: the standard deviation of the noise, in grey levels of 8 bits.

    Raises InputError, which names `folder`, for a network that takes no noise level, and for a level outside 0..255.
    """
    if not isinstance(getattr(model.network, "noise", None), float):
        space = model.architecture.space
        raise InputError(f"'{folder}' takes no noise level, because its space is '{space}'; leave out --noise.")
    if not 0 <= noise <= LEVELS:
        raise InputError(f"A noise level is 0 to {LEVELS} grey levels, not {noise:g}.")
    model.network.noise = noise / LEVELS  # type: ignore[assignment]


def as_denoiser(folder: str | None, device: torch.device) -> Denoiser | None:
    """Return the denoiser in a model directory, for data sets; None for None. Raises InputError as `load_denoiser`."""
    if folder is None:
        return None
    model = load_denoiser(Path(folder))
    normalisation = Normalisation.stored(model.recipe)
    suffix = b"" if normalisation == TYPE else normalisation.model_dump_json().encode()
    digest = hashlib.sha256((Path(folder) / WEIGHTS).read_bytes() + suffix).hexdigest()[:16]
    return Denoiser(digest, Upscaler(model, device=device))
