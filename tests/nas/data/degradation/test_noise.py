import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from nas.data.degradation.draws import Draws
from nas.data.degradation.noise import drift_field

from .laws import apply

GREY = torch.full((2, 1, 200, 240), 0.5)


def added(operation: str, images: Tensor = GREY, seed: int = 0) -> Tensor:
    """What an operation adds, in grey levels of 255."""
    return 255 * (apply(operation, images, seed=seed) - images)


def correlation(field: Tensor, down: int, right: int) -> float:
    """Of the pixels of [..., H, W] with those so far below and to the right of them."""
    height, width = field.shape[-2:]
    first, second = field[..., : height - down, : width - right], field[..., down:, right:]
    return float((first * second).mean() / field.square().mean())


@pytest.mark.parametrize("level", [2, 15, 60])
def test_gaussian_noise_is_white_and_of_its_level(level: int) -> None:
    noise = added(f"gaussian-noise: {{level: {level}}}")
    assert float(noise.std()) == pytest.approx(level, rel=0.02)
    assert abs(float(noise.mean())) < 0.02 * level
    assert max(abs(correlation(noise, *shift)) for shift in ((1, 0), (0, 1), (1, 1))) < 0.02
    assert float((noise.abs() < level).float().mean()) == pytest.approx(0.6827, abs=0.01)


def test_each_image_has_its_own_level() -> None:
    levels = added("gaussian-noise: {level: [2, 60]}", GREY.repeat(4, 1, 1, 1))
    spread = levels.std((1, 2, 3))
    assert spread.min() >= 1.9
    assert spread.max() <= 61
    assert spread.unique().numel() == 8


@pytest.mark.parametrize(("operation", "dim"), [("column-noise", -2), ("row-noise", -1)])
def test_stripes_run_along_columns_or_rows(operation: str, dim: int) -> None:
    stripes = added(f"{operation}: {{level: 4}}", torch.full((8, 1, 200, 240), 0.5))
    assert torch.allclose(stripes.amax(dim), stripes.amin(dim), atol=1e-4)
    assert float(stripes.std()) == pytest.approx(4, rel=0.1)


@given(st.floats(8, 100), st.integers(20, 60), st.integers(20, 90))
@settings(max_examples=10, deadline=None)
def test_drift_has_a_deviation_of_one_at_every_pixel(length: float, height: int, width: int) -> None:
    many = torch.zeros(1500, 1, height, width)
    field = drift_field(many, Draws.of_batch(many, 1, torch.Generator().manual_seed(0)), length)
    assert field.shape == many.shape
    assert torch.allclose(field.std(0), torch.ones(1, height, width), atol=0.12)


def test_drift_varies_slowly_and_less_at_higher_frequencies() -> None:
    images = torch.full((40, 1, 128, 128), 0.5)
    drift = added("drift: {level: 5, length: 32}", images)
    assert float(drift.std()) == pytest.approx(5, rel=0.15)
    assert correlation(drift, 0, 1) > 0.97
    assert abs(correlation(drift, 0, 100)) < 0.2
    spectrum = torch.fft.rfft2(drift[:, 0]).abs().square().mean(0)[0]
    # Between the longest and the shortest octave the amplitude falls as 1/f: the power to a quarter an octave.
    assert 2 < float(spectrum[2:4].mean() / spectrum[4:8].mean()) < 8


@pytest.mark.parametrize("brightness", [0.05, 0.25, 1.0])
def test_shot_noise_grows_with_the_root_of_the_brightness(brightness: float) -> None:
    noise = added("shot-noise: {level: 10}", torch.full((2, 1, 200, 200), brightness))
    assert float(noise.std()) == pytest.approx(10 * brightness**0.5, rel=0.03)
    assert abs(float(noise.mean())) < 0.2


def test_there_is_no_shot_noise_in_the_dark() -> None:
    dark = torch.tensor([[[[0.0, -0.1]]]])
    assert torch.equal(apply("shot-noise: {level: 30}", dark), dark)


@pytest.mark.parametrize(("netd", "span"), [(50, 10), (80, 40), (400, 10)])
def test_the_noise_of_a_sensor_is_told_in_kelvin(netd: int, span: int) -> None:
    noise = added(f"sensor-noise: {{netd: {netd}, span: {span}}}")
    assert float(noise.std()) == pytest.approx(255 * netd / 1000 / span, rel=0.02)


@pytest.mark.parametrize(("part", "share", "dim"), [("columns", 2.0, -2), ("rows", 0.5, -1)])
def test_its_stripes_are_shares_of_its_temporal_noise(part: str, share: float, dim: int) -> None:
    noise = added(f"sensor-noise: {{netd: 100, span: 25.5, {part}: {share}}}", torch.full((8, 1, 300, 300), 0.5))
    assert float(noise.mean(dim).std()) == pytest.approx((share**2 + 1 / 300) ** 0.5, rel=0.08)
    assert float((noise - noise.mean(dim, keepdim=True)).std()) == pytest.approx(1, rel=0.02)


def test_its_drift_adds_up_with_the_rest() -> None:
    images = torch.full((60, 1, 64, 64), 0.5)
    noise = added("sensor-noise: {netd: 100, span: 25.5, columns: 1, rows: 1, drift: 1, length: 16}", images)
    assert float(noise.std()) == pytest.approx(2, rel=0.08)


def test_dead_pixels_are_black_or_white_and_the_others_as_before() -> None:
    images = torch.rand(4, 1, 200, 200) / 2 + 0.25
    after = apply("dead-pixels: {share: 0.02}", images)
    changed = after != images
    assert float(changed.float().mean()) == pytest.approx(0.02, rel=0.1)
    assert set(after[changed].tolist()) == {0.0, 1.0}
    assert float(after[changed].mean()) == pytest.approx(0.5, abs=0.05)
