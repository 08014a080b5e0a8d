"""Imports published checkpoints and measures them on Set5, beside what their authors report.

    python benchmarks/published_weights.py CHECKPOINTS SET5 [--only bsrn] [--to-gray]

CHECKPOINTS is a folder that holds checkpoints somewhere below it under their authors' file names, e.g. clones of their
repositories; SET5 is `data/Set5` of the repository SelfExSR (folders `image_SRF_2` …). Nothing is downloaded. Points
without a file are left out.

The protocol is that of the literature: the output rounded to 8 bits a colour, luminance in 16..235 not rounded, a
border of as many pixels as the scale left out. (`nas evaluate --channel y` rounds the luminance, too.) Networks of one
channel see the luminance in the range that they were trained on, as the imported model says. FALSR and MoreMNAS are
measured as by their authors' script instead, which takes the other components from bicubic interpolation, cuts the
output to 8 bits and rounds the luminance.
"""

import argparse
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from rich.console import Console
from rich.table import Column, Table
from torch import nn

from nas.convert.importing import import_checkpoint
from nas.data.images import studio_luma
from nas.errors import InputError
from nas.model import IMPORTED, Model
from search_spaces import SpaceError, UnknownNameError
from search_spaces.families.falsr import CellNetwork

Pixels = NDArray[np.float64]


@dataclass(frozen=True)
class PublishedWeights:
    """A checkpoint that its authors published within a repository."""

    point: str
    repository: str
    file: str
    scale: int
    psnr: float | None
    """PSNR in dB on Set5 as reported by the authors; None if not reported."""
    reached: float | None = None
    """PSNR in dB of the authors' own code with these weights by this protocol."""


RELEASED = (
    PublishedWeights("falsr/FALSR-A", "xiaomi-automl/FALSR", "FALSR-A.pb", 2, 37.82, 37.822),
    PublishedWeights("falsr/FALSR-B", "xiaomi-automl/FALSR", "FALSR-B.pb", 2, 37.61, 37.614),
    PublishedWeights("falsr/FALSR-C", "xiaomi-automl/FALSR", "FALSR-C.pb", 2, 37.66, 37.661),
    PublishedWeights("moremnas/MoreMNAS-C", "xiaomi-automl/MoreMNAS", "MoreMNAS-C.pb", 2, 37.06, 37.063),
    PublishedWeights("moremnas/MoreMNAS-D", "xiaomi-automl/MoreMNAS", "MoreMNAS-D.pb", 2, 37.57, 37.572),
    PublishedWeights("pan/PAN", "zhaohengyuan1/PAN", "PANx2_DF2K.pth", 2, 38.00, 38.002),
    PublishedWeights("imdn/IMDN", "Zheng222/IMDN", "IMDN_x2.pth", 2, 38.00, 37.997),
    PublishedWeights("imdn/IMDN-RTC", "Zheng222/IMDN", "model_RTC.pth", 2, None, 37.315),
    PublishedWeights("bsrn/BSRN", "xiaom233/BSRN", "net_g_BSRN_x2.pth", 2, 38.10, 38.084),
    PublishedWeights("bsrn/BSRN", "xiaom233/BSRN", "net_g_BSRN_x4.pth", 4, 32.35, 32.350),
    PublishedWeights("bsrn/BSRN-S", "xiaom233/BSRN", "net_g_BSRN-S.pth", 4, None, 32.163),
    PublishedWeights("mdrn/MDRN", "bbbolt/MDRN", "mdrn_x2.pth", 2, None, 38.097),
    PublishedWeights("mdrn/MDRN", "bbbolt/MDRN", "mdrn_x4.pth", 4, None, 32.350),
    PublishedWeights("carn/CARN-M", "nmhkahn/CARN-pytorch", "carn_m.pth", 2, 37.53, 37.682),
    PublishedWeights("lesrcnn/LESRCNN", "hellloxiaotian/LESRCNN", "lesrcnn_x2.pth", 2, 37.65, 37.798),
    PublishedWeights("reprfn/RepRFN", "laonafahaodange/RepRFN", "reprfn_ntire_x4.pth", 4, None, 32.196),
    PublishedWeights("tpsr/TPSR-NoGAN", "royson/tpsr", "TPSR_NOGANX4.pt", 4, 31.10, 31.103),
    PublishedWeights("tpsr/TPSR", "royson/tpsr", "TPSR_D2X4.pt", 4, 29.60, 29.605),
    PublishedWeights("camixersr/CAMixerSR-S", "icandle/CAMixerSR", "CAMixerSR_S.pth", 4, None, 32.287),
    PublishedWeights("smfanet/SMFANet", "Zheng-MJ/SMFANet", "SMFANet_DF2K_100w_x2SR.pth", 2, 38.08),
    PublishedWeights("smfanet/SMFANet-plus", "Zheng-MJ/SMFANet", "SMFANet_plus_DF2K_100w_x2SR.pth", 2, 38.19),
    PublishedWeights("span/SPAN-28", "Amazingren/NTIRE2024_ESR", "team38_span_ch28_slim.pth", 4, None),
    PublishedWeights("rlfn/RLFN", "bytedance/RLFN", "rlfn_x2.pth", 2, 38.07, 38.067),
    PublishedWeights("rlfn/RLFN", "bytedance/RLFN", "rlfn_x4.pth", 4, 32.24, 32.240),
    PublishedWeights("rlfn/RLFN-S", "bytedance/RLFN", "rlfn_s_x2.pth", 2, 38.05, 38.049),
    PublishedWeights("rlfn/RLFN-S", "bytedance/RLFN", "rlfn_s_x4.pth", 4, 32.23, 32.241),
    PublishedWeights("rlfn/RLFN-NTIRE", "bytedance/RLFN", "rlfn_ntire_x4.pth", 4, None, 32.098),
    PublishedWeights("disp/DISP", "Amazingren/NTIRE2026_ESR", "team18_DISP.pth", 4, None, 31.941),
    PublishedWeights("spanv2/SPANV2", "Amazingren/NTIRE2026_ESR", "team22_spanv2_c2.pth", 4, None, 31.770),
)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoints", type=Path)
    parser.add_argument("set5", type=Path)
    parser.add_argument("--only", default="", help="part of a point's name")
    parser.add_argument("--to-gray", action="store_true", help="measure the one-channel forms of colour networks")
    arguments = parser.parse_args()
    table = Table(Column("point", min_width=22), "scale", "channels", "PSNR dB", "their code", "published")
    for released in RELEASED:
        path = next(arguments.checkpoints.rglob(released.file), None)
        if path is None or arguments.only not in released.point:
            continue
        try:
            model = _imported(released, path, to_gray=arguments.to_gray)
        except (InputError, SpaceError, UnknownNameError) as error:
            print(f"{released.point}: {error}")
            continue
        figures = (f"{f:.3f}" if f else "-" for f in (psnr(model, arguments.set5), released.reached, released.psnr))
        table.add_row(released.point, str(released.scale), str(model.architecture.channels), *figures)
    Console().print(table)


def _imported(released: PublishedWeights, path: Path, *, to_gray: bool) -> Model:
    with tempfile.TemporaryDirectory() as folder:
        model = import_checkpoint(released.point, path, Path(folder) / "model", released.scale)
        if to_gray and model.architecture.channels == 3:
            model = import_checkpoint(released.point, path, Path(folder) / "gray", released.scale, to_gray=True)
            origin = model.recipe[IMPORTED]["to_gray"]
            if not origin["exact"]:
                difference = origin["largest_difference"]
                print(f"{released.point}: at the border the one-channel form differs by up to {difference:.3f}.")
        return model


def psnr(model: Model, set5: Path) -> float:
    """Return the mean PSNR of the luminance over the five images, in dB."""
    scale = model.architecture.scale
    measured = []
    for small, large in _pairs(set5, scale):
        if isinstance(model.network, CellNetwork):
            result, target = np.round(studio_luma(_as_falsr(model.network, small, scale))), np.round(studio_luma(large))
        elif model.architecture.channels == 1:
            result, target = _in_luma(model, small), studio_luma(large)
        else:
            result, target = studio_luma(np.round(255 * _run(model.network, small / 255))), studio_luma(large)
        error = (result - target)[scale:-scale, scale:-scale]
        measured.append(10 * np.log10(255**2 / np.mean(error**2)))
    return float(np.mean(measured))


def _in_luma(model: Model, small: Pixels) -> Pixels:
    """[H, W, 3] → luma [scale·H, scale·W] in 16..235, by a network of one channel in the range of its training."""
    low, high = (16, 235) if model.recipe[IMPORTED]["luma"] == "full" else (0, 255)
    seen = (studio_luma(small)[..., None] - low) / (high - low)
    result: Pixels = low + (high - low) * _run(model.network, seen)[..., 0]
    return result


def _pairs(set5: Path, scale: int) -> Iterator[tuple[Pixels, Pixels]]:
    """Yield each LR and HR image as [H, W, 3] in 0..255, HR cut to a multiple of the scale."""
    paths = sorted((set5 / f"image_SRF_{scale}").glob("*_LR.png"))
    if not paths:
        raise SystemExit(f"{set5} holds no images for scale {scale}.")
    for path in paths:
        small, large = (_read(p) for p in (path, path.with_name(path.name.replace("_LR", "_HR"))))
        yield small, large[: scale * small.shape[0], : scale * small.shape[1]]


def _read(path: Path) -> Pixels:
    return np.asarray(Image.open(path).convert("RGB"), np.float64)


def _run(network: nn.Module, image: Pixels) -> Pixels:
    """[H, W, C] → [scale·H, scale·W, C], both in 0..1."""
    with torch.inference_mode():
        result = network(torch.from_numpy(image).float().permute(2, 0, 1)[None])
    output: Any = result[0].permute(1, 2, 0).clamp(0, 1).double().numpy()
    return np.asarray(output)


def _as_falsr(network: nn.Module, small: Pixels, scale: int) -> Pixels:
    """[H, W, 3] → [scale·H, scale·W, 3], both in 0..255, as the authors' graphs and script do."""
    y = 255 * _run(network, (small @ np.array([0.299, 0.587, 0.114]) / 255)[..., None])
    size = scale * small.shape[1], scale * small.shape[0]
    up = np.asarray(Image.fromarray(small.astype(np.uint8)).resize(size, Image.Resampling.BICUBIC), np.float64)
    pb, pr = up @ np.array([-0.168736, -0.331264, 0.5]), up @ np.array([0.5, -0.418688, -0.081312])
    # Before: 127.5 is added to the components. Here: 128 is taken away.
    pb, pr = pb[..., None] - 0.5, pr[..., None] - 0.5
    colours = np.concatenate([y + 1.402 * pr, y - 0.34414 * pb - 0.71414 * pr, y + 1.772 * pb], axis=-1)
    return np.floor(np.clip(colours, 0, 255))


if __name__ == "__main__":
    main()
