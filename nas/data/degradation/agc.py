"""The losses of automatic gain control, which maps the counts of a camera to the few levels of a video."""

from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor

from nas.data.degradation.amounts import Range, within
from nas.data.degradation.draws import Draws
from nas.data.degradation.operation import Operation, operation
from nas.fields import Real

BINS = 1024
"""Number of bins of the histogram that `plateau` equalises."""


@operation("agc")
class Agc(Operation):
    """Maps each image to `bits` by automatic gain control, and back to its own range.

    The HR image has no gain control, so a degradation must keep the brightness of things. Only the losses of gain
    control remain: `tails` per cent of the darkest and of the brightest pixels are clipped, and there are few levels.
    The levels are evenly spaced (`linear`), or close together where many pixels are (`plateau` equalisation, in which a
    bin counts for at most `plateau` times the mean of the bins in use).
    """

    method: Literal["linear", "plateau"] = "linear"
    bits: Annotated[Range, within(2, 16)] = Range.parse(8)
    tails: Annotated[Range, within(0, 20)] = Range.parse(0)
    plateau: Real = Field(3.0, gt=0)

    def apply(self, images: Tensor, draws: Draws) -> Tensor:
        """[N, 1, H, W] → the same size, without values outside the limits by `tails`."""
        peaks = 2.0 ** draws.on_device(draws.whole_values(self.bits, len(images)))[:, None] - 1
        values = images.flatten(1)
        low, high = _limits(values, draws.per_image(self.tails, images)[:, :, 0, 0] / 100)
        shares = ((values - low) / (high - low)).clamp(0, 1)
        if self.method == "linear":
            shares = torch.round(shares * peaks) / peaks
        else:
            curve = _curve(shares, self.plateau)
            shares = _inverse(curve, torch.round(_forward(curve, shares) * peaks) / peaks)
        return (low + shares * (high - low)).view_as(images)


def _limits(values: Tensor, tails: Tensor) -> tuple[Tensor, Tensor]:
    """Return the values [N, 1] below and above which a share `tails` [N, 1] of the pixels [N, P] lies; never equal."""
    ordered = values.sort(1).values
    skipped = (tails * (values.shape[1] - 1)).long()
    low, high = ordered.gather(1, skipped), ordered.gather(1, values.shape[1] - 1 - skipped)
    return low, torch.maximum(high, low + 1e-6)


def _curve(shares: Tensor, plateau: Real) -> Tensor:
    """Return the gain [N, BINS + 1], 0 to 1, at the edges of the bins: the integral of the histogram with cut peaks."""
    bins = (shares * BINS).long().clamp(max=BINS - 1)
    counts = torch.zeros(len(shares), BINS, device=shares.device)
    counts.scatter_add_(1, bins, torch.ones_like(shares))
    used = (counts > 0).sum(1, keepdim=True)
    counts = torch.minimum(counts, plateau * shares.shape[1] / used)
    counts = counts + counts.mean(1, keepdim=True) / 100  # the curve must rise in empty bins, too, to be invertible
    curve = torch.cat([torch.zeros_like(counts[:, :1]), counts.cumsum(1)], 1)
    return curve / curve[:, -1:]


def _forward(curve: Tensor, shares: Tensor) -> Tensor:
    place = shares * BINS
    bins = place.long().clamp(max=BINS - 1)
    start, end = curve.gather(1, bins), curve.gather(1, bins + 1)
    return start + (place - bins) * (end - start)


def _inverse(curve: Tensor, gains: Tensor) -> Tensor:
    bins = (torch.searchsorted(curve, gains.contiguous(), right=True) - 1).clamp(0, BINS - 1)
    start, end = curve.gather(1, bins), curve.gather(1, bins + 1)
    return (bins + (gains - start) / (end - start)) / BINS
