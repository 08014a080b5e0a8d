"""What every loss must do, and how one is added."""

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from no_look import NoLook
from torch import Tensor, nn

from nas.training.losses import LOSSES, Batch, Criterion, loss, pixel_loss
from nas.training.options import Features
from search_spaces import load_plugin

Make = Callable[..., Criterion]

NAMES = LOSSES.names()
BOUNDED = [name for name in NAMES if math.isfinite(LOSSES.get(name).worst)]
PIXELS = [name for name in BOUNDED if name != "distillation"]


@pytest.fixture
def made(make: Make, classifier: Path, teacher: Path) -> Callable[[str], Criterion]:
    """A function that makes a loss with all that it could need."""
    features = Features(weights=str(classifier), layers={"conv1_1": 0.5, "conv2_1": 1.0})
    return lambda name: make(name, features=features, teacher=str(teacher))


def test_the_losses_of_the_issue_are_there() -> None:
    known = {"l1", "l2", "charbonnier", "fft", "gradient", "ssim", "perceptual", "adversarial", "distillation"}
    assert known <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_its_gradient_reaches_the_image(name: str, made: Callable[[str], Criterion], batch: Batch) -> None:
    value = made(name)(batch)
    assert value.shape == () and value.isfinite()
    value.backward()
    assert batch.sr.grad is not None and batch.sr.grad.isfinite().all() and batch.sr.grad.abs().sum() > 0
    assert not batch.hr.requires_grad and not batch.lr.requires_grad


@pytest.mark.parametrize("name", NAMES)
def test_it_never_looks_at_a_tensor(name: str, made: Callable[[str], Criterion], batch: Batch) -> None:
    criterion = made(name)
    with NoLook():
        criterion(batch).backward()


@pytest.mark.parametrize("name", [*PIXELS, "perceptual"])
def test_it_is_nothing_for_equal_images_and_grows_with_the_difference(
    name: str, made: Callable[[str], Criterion], batch: Batch
) -> None:
    criterion, difference = made(name), batch.sr.detach() - batch.hr
    values = [criterion(Batch(batch.lr, batch.hr, batch.hr + share * difference)).item() for share in (0, 0.5, 1)]
    assert values[0] == pytest.approx(0, abs=1.1e-3)
    assert values[0] < values[1] < values[2]


@pytest.mark.parametrize("name", PIXELS)
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(seed=st.integers(0, 10**6), kind=st.sampled_from(["black and white", "random", "binary"]))
def test_no_images_exceed_its_worst_value(name: str, make: Make, seed: int, kind: str) -> None:
    generator = torch.Generator().manual_seed(seed)
    sr, hr = torch.rand(2, 1, 1, 12, 12, generator=generator)
    if kind == "binary":
        sr, hr = sr.round(), hr.round()
    if kind == "black and white":
        checkers = torch.arange(12) % 2 + torch.zeros(1, 1, 12, 1)
        sr, hr = checkers, 1 - checkers
    assert make(name)(Batch(sr, hr, sr)).item() <= LOSSES.get(name).worst


@pytest.fixture
def registry() -> Iterator[None]:
    """Takes away what a test has registered."""
    before = dict(LOSSES._members)
    yield
    LOSSES._members.clear()
    LOSSES._members.update(before)


@pytest.mark.usefixtures("registry")
def test_a_plugin_adds_a_loss(tmp_path: Path, make: Make) -> None:
    path = tmp_path / "mine.py"
    path.write_text(
        "from nas.training.losses import pixel_loss\n\n\n"
        "@pixel_loss('largest', worst=1.0)\ndef largest(sr, hr):\n    return (sr - hr).abs().amax()\n"
    )
    load_plugin(path)
    sr, hr = torch.tensor([0.1, 0.9]), torch.tensor([0.2, 0.4])
    assert make("largest")(Batch(sr, hr, sr)).item() == pytest.approx(0.5)
    assert LOSSES.get("largest").worst == 1.0


@pytest.mark.usefixtures("registry")
def test_a_loss_that_needs_more_than_images_is_made_for_its_training(make: Make) -> None:
    @loss("of the scale")
    def of_the_scale(setting: Any) -> Criterion:
        return lambda batch: batch.sr.mean() * setting.scale

    ones = torch.ones(1)
    assert make("of the scale", scale=3)(Batch(ones, ones, ones)) == 3


def test_a_name_is_given_once() -> None:
    with pytest.raises(ValueError, match="'l1' is registered twice"):

        @pixel_loss("l1")
        def other(sr: Tensor, hr: Tensor) -> Tensor:
            return nn.functional.l1_loss(sr, hr)
