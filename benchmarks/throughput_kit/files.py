"""The usual way to feed a training: image files that worker processes decode and crop."""

import itertools
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as Files

from nas.data.dataset import Dataset
from nas.data.images import write_image


class Crops(Files[tuple[Tensor, Tensor]]):
    """The usual data set: an item reads an LR and an HR file, and crops, flips and turns both alike."""

    def __init__(self, folder: Path, patch: int) -> None:
        self.files = sorted((folder / "lr").iterdir())
        self.patch = patch

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        lr, hr = (
            cv2.imread(str(self.files[index].parents[1] / part / self.files[index].name), cv2.IMREAD_UNCHANGED)
            for part in ("lr", "hr")
        )
        p, s = self.patch, hr.shape[0] // lr.shape[0]
        y, x = random.randint(0, lr.shape[0] - p), random.randint(0, lr.shape[1] - p)
        flip, mirror, turn = (random.random() < 0.5 for _ in range(3))

        def part(image: np.ndarray[Any, Any], scale: int) -> Tensor:
            cut = image[scale * y : scale * (y + p), scale * x : scale * (x + p)]
            cut = cut[::-1] if flip else cut
            cut = cut[:, ::-1] if mirror else cut
            cut = cut.T if turn else cut
            return torch.from_numpy(np.ascontiguousarray(cut, np.float32) / np.iinfo(image.dtype).max)[None]

        return part(lr, 1), part(hr, s)


def endless(loader: DataLoader[tuple[Tensor, Tensor]]) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield batches, pass after pass."""
    return itertools.chain.from_iterable(iter(lambda: iter(loader), None))


def write_pngs(data: Dataset, folder: Path) -> None:
    """Write the training images as pairs of PNG files, as super-resolution data sets are distributed."""
    images = data.train
    for part, store in (("lr", images.lr), ("hr", images.hr)):
        (folder / part).mkdir()
        for index in range(len(images)):
            write_image(folder / part / f"{index:05}.png", store.pixels(index))
