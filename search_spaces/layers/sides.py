"""The height and width of images, which are symbols while a network is exported for images of any size."""

from torch import Tensor


def has_multiples(image: Tensor, factor: int) -> bool:
    """Tell whether a factor is known to divide the height and width of an image [..., H, W]; never for symbols."""
    return all(isinstance(side, int) and side % factor == 0 for side in image.shape[-2:])
