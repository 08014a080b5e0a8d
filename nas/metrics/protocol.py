"""The protocol: all conditions that two figures must share to be comparable."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from nas.data.image_set import ImageSet
from nas.errors import InputError

_OPTIONAL = ("denoiser", "self_ensemble")
"""Fields that are left out of plain data if they are empty."""

_CHANNELS = {"gray": "gray", "y": "luma Y (BT.601, 16..235)"}


@dataclass(frozen=True)
class Protocol:
    """The conditions that two figures must share to be comparable."""

    data: str
    """The fingerprint of the image set."""
    degradation: str
    scale: int
    shave: int
    crop: int | None = None
    """Side of the centre crop in HR pixels; None: whole images."""
    channel: str = "gray"
    """The compared channel: gray, or y, the luma of colour images in the literature."""
    rounding: str = "integer"
    peak: str = "integer range"
    denoiser: str | None = None
    """The digest of the denoiser before the network; None without a denoiser."""
    self_ensemble: bool = False
    """Whether each result is the mean over the eight flips and rotations of the image."""

    @classmethod
    def of(
        cls, images: ImageSet, crop: int | None = None, *, shave: int | None = None, self_ensemble: bool = False
    ) -> "Protocol":
        """Return the protocol of `measure` for this set. The default shave is as wide as the scale."""
        return cls(
            images.fingerprint,
            images.degradation,
            images.scale,
            shave=images.scale if shave is None else shave,
            crop=crop,
            channel=images.channel,
            peak=images.peak_in_words,
            denoiser=images.denoiser,
            self_ensemble=self_ensemble,
        )

    def describe(self) -> str:
        """Return a line to print below a table or a plot."""
        area = "whole images" if self.crop is None else f"centre {self.crop} x {self.crop}"
        denoised = f" denoised by {self.denoiser}" if self.denoiser else ""
        channel = _CHANNELS.get(self.channel, self.channel)
        ensemble = ", self-ensemble of 8" if self.self_ensemble else ""
        return (
            f"data {self.data}, {self.degradation} x{self.scale}{denoised}, {channel}, "
            f"shave {self.shave}, {self.rounding} rounding, peak {self.peak}, {area}{ensemble}"
        )

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON and YAML, without denoiser and self-ensemble if there are none."""
        return {name: value for name, value in asdict(self).items() if name not in _OPTIONAL or value}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Protocol":
        """Read the result of `to_dict`. Raises InputError for a missing or unknown field."""
        try:
            return cls(**values)
        except TypeError as error:
            raise InputError(f"This is not a measuring protocol: {error}.") from None
