import pickle

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nas.data.degradation import DEGRADATIONS, Pipeline, get_degradation
from nas.data.degradation.operation import Operation

from .laws import hill, moments

PIPELINES = {name: each for name, each in DEGRADATIONS.items() if isinstance(each, Pipeline)}
RANDOM = [name for name, each in PIPELINES.items() if each.is_random]
NOISE = ("gaussian-noise", "shot-noise", "sensor-noise", "dead-pixels", "jpeg", "agc")


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("name", PIPELINES)
@given(st.integers(1, 4), st.integers(1, 21), st.integers(1, 21), st.integers(0, 2**40))
@settings(max_examples=8, deadline=None)
def test_every_pipeline_divides_any_size_exactly(name: str, scale: int, height: int, width: int, seed: int) -> None:
    hr = torch.rand(2, 1, height * scale, width * scale, generator=generator(seed))
    for lr in (PIPELINES[name](hr, scale), PIPELINES[name].of_batch(hr, scale, generator(seed))):
        assert lr.shape == (2, 1, height, width)
        assert lr.dtype == torch.float32
        assert lr.isfinite().all()
        assert lr.min() > -1
        assert lr.max() < 2


@pytest.mark.parametrize("name", PIPELINES)
def test_an_image_is_its_own_seed(name: str) -> None:
    first, second = torch.rand(2, 1, 1, 24, 36).unbind()
    together = PIPELINES[name](torch.cat([second, first, first]), 2)
    assert torch.equal(together[1], together[2])
    assert torch.equal(together[1:2], PIPELINES[name](first, 2))


@pytest.mark.parametrize("name", RANDOM)
def test_another_image_is_degraded_otherwise(name: str) -> None:
    hr = torch.rand(1, 1, 24, 36)
    other = hr.clone()
    other[0, 0, 0, 0] = 0.5
    difference = (PIPELINES[name](hr, 2) - PIPELINES[name](other, 2)).abs()
    assert difference[..., 6:, 6:].max() > 1e-3


@pytest.mark.parametrize("name", RANDOM)
def test_a_batch_is_drawn_from_its_generator_alone(name: str) -> None:
    hr = torch.rand(3, 1, 24, 36)
    state, draws = torch.get_rng_state(), generator(5)
    first = PIPELINES[name].of_batch(hr, 2, draws)
    second = PIPELINES[name].of_batch(hr, 2, draws)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(first, PIPELINES[name].of_batch(hr, 2, generator(5)))
    assert not torch.equal(first, second)
    assert not torch.equal(first, PIPELINES[name].of_batch(hr, 2, generator(6)))


@pytest.mark.parametrize("name", RANDOM)
@pytest.mark.parametrize("seed", range(4))
def test_an_image_does_not_depend_on_the_others_of_its_batch(name: str, seed: int) -> None:
    hr, other = torch.rand(2, 4, 1, 24, 36)
    other[1] = hr[1]
    first, second = (PIPELINES[name].of_batch(batch, 2, generator(seed)) for batch in (hr, other))
    assert torch.allclose(first[1], second[1], atol=2e-6)
    assert not torch.allclose(first[0], second[0], atol=1e-2)


def test_images_of_a_batch_are_degraded_differently() -> None:
    hr = torch.rand(1, 1, 32, 32).expand(6, 1, 32, 32)
    lr = get_degradation("bsrgan").of_batch(hr, 2, generator(1))  # type: ignore[attr-defined]
    assert all((lr[0] - other).abs().max() > 1e-2 for other in lr[1:])


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("name", PIPELINES)
def test_parameters_do_not_depend_on_the_device(name: str) -> None:
    pipeline = Pipeline(name, without_noise(PIPELINES[name].operations))
    hr = torch.rand(3, 1, 48, 48)
    there = pipeline.of_batch(hr.cuda(), 2, generator(2))
    assert there.is_cuda
    assert torch.allclose(there.cpu(), pipeline.of_batch(hr, 2, generator(2)), atol=1e-4)


def without_noise(operations: tuple[Operation, ...]) -> tuple[Operation, ...]:
    """The operations that move or blur, also inside others."""
    kept = []
    for operation in operations:
        inner = getattr(operation, "operations", None)
        if inner is None:
            kept += [] if operation.name in NOISE else [operation]
        elif left := without_noise(inner):
            changes = {"operations": left} | ({"weights": None} if len(left) != len(inner) else {})
            kept.append(operation.model_copy(update=changes))
    return tuple(kept)


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("name", PIPELINES)
def test_no_draw_of_any_pipeline_shifts_the_image(name: str, scale: int) -> None:
    pipeline = Pipeline(name, without_noise(PIPELINES[name].operations))
    height, width, place = 40 * scale, 48 * scale, (17.3 * scale, 25.8 * scale)
    smooth = hill(height, width, place, 4 * scale).expand(8, -1, -1, -1)
    expected = (torch.tensor(place, dtype=torch.float64) + 0.5) / scale - 0.5
    for seed in range(6):
        for lr in pipeline.of_batch(smooth, scale, generator(seed)):
            mean, _ = moments(lr[0].clamp(min=0))
            assert (mean - expected).abs().max() < 0.05, f"seed {seed}: {mean} instead of {expected}"


def test_images_are_brought_to_the_right_size_where_operations_do_not() -> None:
    hr = torch.rand(1, 1, 18, 24)
    assert torch.equal(
        get_degradation({"operations": [{"blur": {"sigma": 0}}]})(hr, 3), get_degradation("bicubic")(hr, 3)
    )


@pytest.mark.parametrize("name", PIPELINES)
def test_pipelines_travel_between_processes(name: str) -> None:
    hr = torch.rand(1, 1, 12, 12)
    assert torch.equal(pickle.loads(pickle.dumps(PIPELINES[name]))(hr, 2), PIPELINES[name](hr, 2))


def test_sixteen_bits_survive_what_does_not_quantise() -> None:
    hr = torch.linspace(0, 1, 65536).view(1, 1, 256, 256)
    own = get_degradation({"operations": [{"blur": {"sigma": 0.5}}, {"resize": {"methods": ["area"]}}]})
    assert (own(hr, 2) * 65535).round().unique().numel() > 16000
