"""Networks that work on the enlarged image, as the first super-resolution networks did."""

from torch import Tensor, nn
from torch.nn import functional as F

from search_spaces.layers.image_skip import at_least_single, upscale_bicubic


class Enlarged(nn.Module):
    """Runs `body` at the high resolution on b, the bicubically enlarged input: body(b), or b + body(b) if `skip`.

    `within_skip` selects the cubic kernel. True: the kernel of the `ImageSkip` around this network (a = -0.75, as in
    the operator `Resize`). False: the smoother kernel of the authors. Published weights need the authors' kernel: with
    the other kernel, the weights of VDSR lose 1.9 dB on Set5.
    """

    def __init__(self, body: nn.Module, scale: int, *, within_skip: bool, skip: bool) -> None:
        super().__init__()
        self.body = body
        self.scale = scale
        self.within_skip = within_skip
        self.skip = skip

    def forward(self, image: Tensor) -> Tensor:
        """[N, C, H, W] in 0..1 → [N, C, scale·H, scale·W]."""
        large = upscale_bicubic(image, self.scale) if self.within_skip else upscale_smoothly(image, self.scale)
        computed = self.body(large)
        return large + computed if self.skip else computed


def upscale_smoothly(image: Tensor, scale: int) -> Tensor:
    """[N, C, H, W] → [N, C, scale·H, scale·W] by cubic convolution with a = -0.5, as MATLAB and PIL do."""
    # PyTorch uses this kernel only with `antialias`, which changes nothing else when enlarging.
    return F.interpolate(
        at_least_single(image), scale_factor=float(scale), mode="bicubic", align_corners=False, antialias=True
    )
