"""The artifacts of a trial in the Optuna Dashboard: its architecture as a file, a picture, and a note."""

import tempfile
from pathlib import Path

import cv2
import numpy as np
import optuna
import torch
from optuna.artifacts import FileSystemArtifactStore, upload_artifact
from optuna_dashboard import save_note
from torch import Tensor, nn

from nas.cost import Cost
from nas.data.image_set import ImageSet
from nas.data.images import Pixels, resize_bicubic, to_pixels
from nas.metrics import baseline_name
from nas.quantities import short
from search_spaces import Architecture

PICTURE_CROP = 160
"""Side of the pictured crop in HR pixels."""

ERROR_GAIN = 8.0
"""Factor on the error in the picture."""

_MAGNIFY = 2


def picture(network: nn.Module, images: ImageSet, device: torch.device, index: int = 0) -> Pixels:
    """Return the panels `LR upscaled | SR | HR | error` for the centre of image `index`, as uint8 [H, W] with captions.

    All panels share one display range: the 0.1 to 99.9 percentiles of the HR crop. The error is |SR - HR| times
    `ERROR_GAIN`.
    """
    pair = images.pair(index, PICTURE_CROP)
    with torch.inference_mode():
        sr = network(pair.lr.to(device)).float().cpu()
    bicubic = resize_bicubic(pair.lr, (pair.hr.shape[-2], pair.hr.shape[-1]))
    # Percentiles, since a single dead pixel would set the range otherwise.
    low, high = pair.hr.quantile(0.001), pair.hr.quantile(0.999)
    shown_as = f"bicubic x{images.scale}" if images.scale > 1 else "input"
    panels = {shown_as: bicubic, "network": sr, "original": pair.hr}
    shown = {name: (panel - low) / (high - low).clamp(min=1e-6) for name, panel in panels.items()}
    shown[f"error x{ERROR_GAIN:.0f}"] = ERROR_GAIN * (sr - pair.hr).abs() / (high - low).clamp(min=1e-6)
    return np.hstack([_captioned(panel, name) for name, panel in shown.items()])


def _captioned(panel: Tensor, caption: str) -> Pixels:
    pixels = to_pixels(panel, np.dtype(np.uint8))
    magnified = cv2.resize(pixels, None, fx=_MAGNIFY, fy=_MAGNIFY, interpolation=cv2.INTER_NEAREST)
    framed: Pixels = cv2.copyMakeBorder(magnified, 24, 0, 0, 4, cv2.BORDER_CONSTANT, value=(255,))
    cv2.putText(framed, caption, (4, 17), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (0,), 1, cv2.LINE_AA)
    return framed


def attach(
    trial: optuna.Trial, store: FileSystemArtifactStore, architecture: Architecture, image: Pixels, note: str
) -> None:
    """Attach `architecture.yaml`, the picture and the note to a trial."""
    with tempfile.TemporaryDirectory() as folder:
        yaml_file, png_file = Path(folder, "architecture.yaml"), Path(folder, "picture.png")
        yaml_file.write_text(architecture.to_yaml(), encoding="utf-8")
        cv2.imwrite(str(png_file), image)
        for file in (yaml_file, png_file):
            upload_artifact(study_or_trial=trial, file_path=str(file), artifact_store=store)
    save_note(trial, note)


def note(architecture: Architecture, name: str, psnr: float, ssim: float | None, bicubic: float, cost: Cost) -> str:
    """Return the note of a trial in Markdown: the figures, then the architecture, since its file is only a download."""
    width, height = cost.hr_size
    gain = f"{psnr - bicubic:+.2f} over {baseline_name(architecture.scale)}"
    similarity = "" if ssim is None else f"SSIM {ssim:.4f}, "
    return (
        f"**{name}**, a network of {architecture.space}, x{architecture.scale}: {psnr:.2f} dB ({gain}), "
        f"{similarity}{short(cost.macs)} MACs for HR {width}x{height}, {short(cost.params)} params\n\n"
        f"```yaml\n{architecture.to_yaml()}```\n"
    )
