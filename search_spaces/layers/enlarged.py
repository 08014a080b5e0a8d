"""Networks that work on the enlarged image, as the first super-resolution networks did."""

from torch import Tensor, nn

from search_spaces.layers.interpolation import Interpolation


class Enlarged(nn.Module):
    """Runs `body` at the high resolution on b, the bicubically enlarged input: body(b), or b + body(b) if `skip`.

    `within_skip` selects the cubic kernel. True: the kernel of the `ImageSkip` around this network (a = -0.75). False:
    the smoother kernel of the authors. Published weights need the authors' kernel: with the other kernel, the weights
    of VDSR lose 1.9 dB on Set5.
    """

    def __init__(self, body: nn.Module, scale: int, *, within_skip: bool, skip: bool) -> None:
        super().__init__()
        self.body = body
        self.interpolation = Interpolation(scale, "bicubic" if within_skip else "smooth")
        self.skip = skip

    def forward(self, image: Tensor) -> Tensor:
        """[N, C, H, W] in 0..1 → [N, C, scale·H, scale·W]."""
        large = self.interpolation(image)
        computed = self.body(large)
        return large + computed if self.skip else computed
