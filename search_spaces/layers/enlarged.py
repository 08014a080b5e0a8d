"""Networks that see the image already enlarged, as the first ones did."""

from typing import cast

from torch import Tensor, nn
from torch.nn import functional as F

from search_spaces.layers.image_skip import at_least_single, upscale_bicubic


class Enlarged(nn.Module):
    """Runs `body` at the high resolution: body(b), or b + body(b) where `skip`, with b the bicubically enlarged input.

    `plain` says which cubic kernel: the plain `Resize` that an `ImageSkip` around this one adds, or the smoother one
    of the authors. Published weights need theirs: with the other, those of VDSR lose 1.9 dB on Set5.
    """

    def __init__(self, body: nn.Module, scale: int, *, plain: bool, skip: bool) -> None:
        super().__init__()
        self.body = body
        self.scale = scale
        self.plain = plain
        self.skip = skip

    def forward(self, image: Tensor) -> Tensor:
        """[N, C, H, W] in 0..1 → [N, C, scale·H, scale·W]."""
        large = upscale_bicubic(image, self.scale) if self.plain else upscale_smoothly(image, self.scale)
        computed = cast(Tensor, self.body(large))
        return large + computed if self.skip else computed


def upscale_smoothly(image: Tensor, scale: int) -> Tensor:
    """[N, C, H, W] → [N, C, scale·H, scale·W] by cubic convolution with a = -0.5, as MATLAB and PIL do."""
    # Only with `antialias` is that PyTorch's kernel; enlarging, there is nothing to anti-alias.
    return F.interpolate(
        at_least_single(image), scale_factor=float(scale), mode="bicubic", align_corners=False, antialias=True
    )
