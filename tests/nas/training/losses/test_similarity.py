from collections.abc import Callable

import pytest
import torch
from skimage.metrics import structural_similarity

from nas.errors import InputError
from nas.training.losses import Batch, Criterion

Make = Callable[..., Criterion]


def test_it_is_what_is_missing_to_the_ssim_of_scikit_image(make: Make, batch: Batch) -> None:
    expected = [
        structural_similarity(
            a.numpy(), b.numpy(), data_range=1, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
        )
        for a, b in zip(batch.sr.detach()[:, 0].double(), batch.hr[:, 0].double(), strict=True)
    ]
    assert make("ssim")(batch).item() == pytest.approx(1 - sum(expected) / len(expected), abs=1e-5)


def test_patches_smaller_than_its_window_are_refused(make: Make) -> None:
    small = torch.rand(1, 1, 10, 24)
    with pytest.raises(InputError, match="'ssim' needs HR patches of 11 pixels"):
        make("ssim")(Batch(small, small, small))
