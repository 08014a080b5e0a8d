"""An ONNX file as a network, so that it is measured as every network is."""

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nas.data.levels import Levels
from nas.deploy.form import Form
from nas.deploy.onnx import Session
from nas.errors import InputError
from nas.image_size import show_size


class OnnxNetwork(nn.Module):
    """Runs an ONNX file on ONNX Runtime's CPU: [1, C, H, W] values → [1, C, scale·H, scale·W].

    A file of one size runs on overlapping tiles, of which the outer `edge` LR pixels are not kept; an image that is
    smaller is continued by its outermost pixels. A file of integers gets and gives the integers of `levels`.
    """

    def __init__(
        self, path: Path, scale: int, form: Form, levels: Levels | None = None, edge: int | None = None
    ) -> None:
        """`edge` is how far a pixel depends on the image; None: on the whole image, which must fit into the size."""
        super().__init__()
        self._edge = edge
        self._run, self._scale, self._form, self._levels = Session(path), scale, form, levels

    def forward(self, image: Tensor) -> Tensor:
        """[N, C, H, W] → [N, C, scale·H, scale·W]. Raises InputError for an image that can't be cut into tiles."""
        results = [self._one(single[None].cpu()) for single in image]
        return torch.cat(results).to(image.device)

    def _one(self, image: Tensor) -> Tensor:
        return self._computed(image) if self._form.lr is None else self._in_tiles(image, self._form.lr)

    def _in_tiles(self, image: Tensor, lr: tuple[int, int]) -> Tensor:
        width, height = lr
        missing = max(0, width - image.shape[3]), max(0, height - image.shape[2])
        padded = F.pad(image, (0, missing[0], 0, missing[1]), mode="replicate")
        edge = 0
        if padded.shape[2:] != (height, width):
            if self._edge is None or 2 * self._edge >= min(lr):
                raise InputError(
                    f"Images of {show_size((image.shape[3], image.shape[2]))} can't be computed in tiles of "
                    f"{show_size(lr)} with this network; give a larger --lr."
                )
            edge = self._edge
        rows, columns = _starts(padded.shape[2], height, edge), _starts(padded.shape[3], width, edge)
        scale = self._scale
        result = torch.empty(*padded.shape[:2], scale * padded.shape[2], scale * padded.shape[3])
        for top in rows:
            for left in columns:
                tile = self._computed(padded[..., top : top + height, left : left + width])
                skip = scale * (edge if top else 0), scale * (edge if left else 0)
                above, before = scale * top + skip[0], scale * left + skip[1]
                kept = tile[..., skip[0] :, skip[1] :]
                result[..., above : above + kept.shape[2], before : before + kept.shape[3]] = kept
        return result[..., : scale * image.shape[2], : scale * image.shape[3]]

    def _computed(self, image: Tensor) -> Tensor:
        if self._levels is None or self._form.bits is None:
            return torch.from_numpy(self._run(image.contiguous().numpy()))
        integers = self._form.integers(self._levels.integers(image))
        result = torch.from_numpy(self._run(integers.numpy()))
        return self._levels.values(result)


def _starts(side: int, tile: int, edge: int) -> list[int]:
    """Return where tiles begin along a side that is at least as long as a tile; neighbours overlap by two edges."""
    step = tile - 2 * edge
    starts = list(range(0, side - tile, step))
    return [*starts, side - tile]
