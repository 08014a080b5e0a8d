"""The sharpened input of a network: detail is amplified before the first convolution."""

from torch import Tensor, nn
from torch.nn import functional as F

from search_spaces.layers.image_skip import at_least_single

WINDOW = 3
"""Side of the neighbourhood in pixels."""
SHARPNESS = 5.0
"""Factor of the detail. From 4 to 10, the gain is the same within the noise of a training (docs/tried.md)."""


class Sharpening(nn.Module):
    """Adds five times the difference from the mean of the neighbours: [N, C, H, W] → the same shape.

    Brightness is most of an image's power, and detail is what super-resolution is about. A network that sees both in
    nearly equal strength learns sooner. It has no weights and no multiply-adds worth counting; every runtime has an
    average over a window that leaves out what lies beyond the border.
    """

    def forward(self, image: Tensor) -> Tensor:
        """[N, C, H, W] → the same shape."""
        # Detail of a few hundredths of the brightness would vanish in half precision, so it is taken before rounding.
        exact = at_least_single(image)
        mean = F.avg_pool2d(exact, WINDOW, stride=1, padding=WINDOW // 2, count_include_pad=False)
        return (exact + SHARPNESS * (exact - mean)).to(image.dtype)
