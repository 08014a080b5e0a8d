"""Draws the results of a trained model on synthetic thermal scenes: bicubic, network, original and error side by side.

    python benchmarks/before_after.py results/first/trained/trial-7 results/reference/before_after.png

Synthetic scenes, since pictures of real data sets belong to their owners.
"""

import argparse
from pathlib import Path

import cv2
import numpy as np
import torch

from nas.data.dataset import open_dataset
from nas.model import RESULTS, load_model
from nas.search.show.artifacts import picture

SCENES = (1, 4)
"""The validation scenes in the picture."""


def main() -> None:
    """Write the picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("png", type=Path)
    arguments = parser.parse_args()
    model = load_model(arguments.model)
    data = open_dataset(None, scale=model.architecture.scale, cache=RESULTS / "cache")
    rows = [picture(model.network, data.validation, torch.device("cpu"), index) for index in SCENES]
    arguments.png.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(arguments.png), np.vstack(rows))


if __name__ == "__main__":
    main()
