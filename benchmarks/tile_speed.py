"""How fast networks upscale by the size of a tile, the number of tiles at once, and the memory format, on this device.

    python benchmarks/tile_speed.py [--device cuda] [NETWORK ...]

All figures of a network come from one run, in turns, so that a busy machine slows all of them alike. Compare ratios.
"""

import argparse
import copy
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn

from search_spaces import Architecture
from search_spaces.layers.fused import fused

NETWORKS = "ecbsr/M4C16", "hybrid/SESR-M11-like", "hybrid/Plain-C32M3", "imdn/IMDN-RTC", "falsr/FALSR-B"
SHAPES = (64, 1), (64, 4), (128, 1), (128, 4), (256, 1), (512, 1)
"""Side of a tile in LR pixels, and the number of tiles at once."""
TURNS = 5


def main() -> None:
    """Print a line for each network and shape."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("networks", nargs="*", default=NETWORKS)
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    print("network, side x tiles: ns per LR pixel; channels-last and fused: times as fast")
    for name in options.networks:
        print_network(name, torch.device(options.device))


@torch.no_grad()
def print_network(name: str, device: torch.device) -> None:
    """Print the figures of one network."""
    raw = Architecture.published(name, 2).build().eval().to(device)
    plain = fused(copy.deepcopy(raw))
    last = copy.deepcopy(plain).to(memory_format=torch.channels_last)
    for side, count in SHAPES:
        images = torch.rand(count, 1, side, side, device=device)
        trained, contiguous, channels_last = fastest([raw, plain, last], images)
        print(
            f"{name:22} {side:4} x{count}  {1e9 * contiguous / images.numel():8.0f} ns  "
            f"{contiguous / channels_last:.2f}  {trained / contiguous:.2f}",
            flush=True,
        )


def fastest(networks: list[nn.Module], images: Tensor) -> list[float]:
    """Return the shortest time of each network in seconds, measured in turns."""
    times = [[seconds(lambda network=network: network(images)) for network in networks] for _ in range(TURNS + 1)]
    return [min(column) for column in zip(*times[1:], strict=True)]


def seconds(work: Callable[[], Tensor]) -> float:
    """Return the processor time of some work in seconds; on a GPU the time until it is done."""
    clock = time.process_time
    if torch.cuda.is_available():
        clock = time.perf_counter
        torch.cuda.synchronize()
    began = clock()
    result = work()
    if result.is_cuda:
        torch.cuda.synchronize()
    return clock() - began


if __name__ == "__main__":
    main()
