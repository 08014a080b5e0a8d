"""A user's own objective: the number of convolutions wider than 3x3, for a chip that supports few of them."""

from nas.cost import meta_network
from nas.image_size import Size
from nas.objectives import add, counted
from search_spaces import Architecture


def large_kernels(architecture: Architecture, hr_size: Size) -> int:
    """Return one plus the number of convolutions whose kernel is wider than 3x3, since costs must be above 0."""
    network, _ = meta_network(architecture, hr_size)
    sizes = [getattr(module, "kernel_size", (1, 1)) for module in network.modules()]
    return 1 + sum(max(size) > 3 for size in sizes)


add(counted("kernels", "large kernels", "kernels larger than 3x3", large_kernels))
