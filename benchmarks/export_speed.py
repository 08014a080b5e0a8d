"""Measures networks on ONNX Runtime's CPU: with a cubic Resize as skip, and as exported for ONNX Runtime.

    python benchmarks/export_speed.py [NETWORK...] [--lr 640x360] [--rounds 5]

Each network is exported at one size in both forms, and the forms are measured alternately on one core. Writes
results/reference/export_speed.md.
"""

import argparse
import copy
import statistics
import tempfile
from pathlib import Path

import torch
from torch import nn

from nas.deploy.latency_runtime import OnnxRuntimeCpu
from nas.deploy.onnx import to_fixed_onnx
from nas.deploy.rewrites import deployed
from nas.deploy.target import load_target
from nas.image_size import Size, parse_size, show_size
from nas.model import RESULTS
from search_spaces import Architecture
from search_spaces.layers.fused import fused
from search_spaces.layers.image_skip import ImageSkip

RUNTIME = load_target("onnxruntime")
NETWORKS = ("ecbsr/M4C8", "ecbsr/M4C16", "imdn/IMDN-RTC", "hybrid/SESR-M11-like", "hybrid/Plain-C32M3")


class WithResize(nn.Module):
    """An image skip as it is trained, around a merged network."""

    def __init__(self, skip: ImageSkip) -> None:
        super().__init__()
        self.network = fused(copy.deepcopy(skip.network))
        self.scale, self.mode = skip.interpolation.scale, skip.interpolation.mode

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """[N, C, H, W] → [N, C, scale·H, scale·W]."""
        large = nn.functional.interpolate(image, scale_factor=float(self.scale), mode=self.mode, align_corners=False)
        return 0.1 * self.network(image - 0.25) + large


def main() -> None:
    """Measure the networks and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("networks", nargs="*", default=NETWORKS)
    parser.add_argument("--lr", default="640x360", type=parse_size)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    rows = [(name, *measured(name, arguments.lr, arguments.rounds)) for name in arguments.networks]
    lines = [
        "# Exports with a Resize, and for ONNX Runtime",
        "",
        f"Networks with the image skip at x2, LR {show_size(arguments.lr)}, {OnnxRuntimeCpu().name}; medians of",
        f"{arguments.rounds} measurements of each form, alternately.",
        "",
        "| network | with a cubic Resize, ms | for onnxruntime, ms | times as fast |",
        "|---|---|---|---|",
        *(f"| {name} | {before:.1f} | {after:.1f} | {before / after:.1f} |" for name, before, after in rows),
        "",
    ]
    (RESULTS / "reference" / "export_speed.md").write_text("\n".join(lines))
    print("\n".join(lines))


def measured(name: str, lr: Size, rounds: int) -> tuple[float, float]:
    """Return the medians of both forms in ms."""
    architecture = Architecture.published(name)
    on = "bicubic" if architecture.space == "hybrid" else True
    torch.manual_seed(0)
    network = architecture.replaced(image_skip=on).build().eval()
    for parameter in network.parameters():
        if not parameter.any():
            nn.init.normal_(parameter, std=0.02)  # a runtime may skip zeros
    shape, runtime, times = (1, 1, lr[1], lr[0]), OnnxRuntimeCpu(), ([], [])
    with tempfile.TemporaryDirectory() as folder:
        files = Path(folder) / "resize.onnx", Path(folder) / "convolution.onnx"
        for form, file in zip((WithResize(network), network), files, strict=True):
            to_fixed_onnx(form if form is not network else deployed(network, RUNTIME), shape, name, file)
        for _ in range(rounds):
            for file, found in zip(files, times, strict=True):
                found.append(runtime.ms(file, shape))
    return statistics.median(times[0]), statistics.median(times[1])


if __name__ == "__main__":
    main()
