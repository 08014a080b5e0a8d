"""Denoisers: models of scale 1 that images pass before they are super-resolved, or trained on."""

import hashlib
from pathlib import Path

import torch

from nas.data.normalisation import TYPE, Normalisation
from nas.data.opening import Denoiser
from nas.deploy.tiles import Upscaler
from nas.errors import InputError
from nas.model import WEIGHTS, Model, is_model, load_model

LEVELS = 255
"""Noise is told in grey levels of 8 bits, whatever the depth of the images: in 255ths of what the network sees as 1."""


def load_denoiser(folder: Path, noise: float | None = None) -> Model:
    """Read a model directory that holds a denoiser; `noise`, in grey levels of 8 bits, replaces its noise level.

    Raises InputError unless it is one of scale 1 and one channel, and has a noise level where one is given.
    """
    if not is_model(folder):
        raise InputError(f"The denoiser '{folder}' is no model directory.")
    model = load_model(folder)
    scale, channels = model.architecture.scale, model.architecture.channels
    if scale != 1:
        raise InputError(f"The denoiser '{folder}' is a network of scale {scale}, but a denoiser has scale 1.")
    if channels != 1:
        raise InputError(f"The denoiser '{folder}' takes {channels} channels, but images are of one.")
    if noise is not None:
        set_noise(model, noise, folder)
    return model


def load_stages(folder: Path, denoiser: Path | None, noise: float | None) -> tuple[Model, Model | None]:
    """Read a model directory and that of the denoiser before it, if any, which `noise` is for, or else for the model.

    Raises InputError as `load_model`, `load_denoiser` and `set_noise` do.
    """
    model = load_model(folder)
    if denoiser is not None:
        return model, load_denoiser(denoiser, noise)
    if noise is not None:
        set_noise(model, noise, folder)
    return model, None


def set_noise(model: Model, noise: float, folder: Path) -> None:
    """Tell a network that takes a noise level that the noise has a standard deviation of `noise` levels of 8 bits.

    Raises InputError, naming `folder`, for a network that takes none and for a level that is none.
    """
    if not isinstance(getattr(model.network, "noise", None), float):
        space = model.architecture.space
        raise InputError(f"'{folder}' takes no noise level, since it is of the space '{space}'; leave out --noise.")
    if not 0 <= noise <= LEVELS:
        raise InputError(f"A noise level is 0 to {LEVELS} grey levels, not {noise:g}.")
    model.network.noise = noise / LEVELS  # type: ignore[assignment]


def as_denoiser(folder: str | None, device: torch.device) -> Denoiser | None:
    """Return the denoiser in a model directory as data sets take it; None for none. Raises InputError."""
    if folder is None:
        return None
    model = load_denoiser(Path(folder))
    seen = Normalisation.stored(model.recipe)
    told = b"" if seen == TYPE else seen.model_dump_json().encode()
    digest = hashlib.sha256((Path(folder) / WEIGHTS).read_bytes() + told).hexdigest()[:16]
    return Denoiser(digest, Upscaler(model, device=device))
