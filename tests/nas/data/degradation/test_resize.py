import pytest
import torch
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from nas.data.degradation.draws import Draws
from nas.data.degradation.operation import parse_operation
from nas.errors import InputError

from .laws import apply, hill, moments


@pytest.mark.parametrize("scale", [1, 2, 3, 4])
def test_without_fields_the_size_is_that_of_the_lr_image(scale: int) -> None:
    assert apply("resize:", torch.rand(2, 1, 7 * scale, 9 * scale), scale).shape == (2, 1, 7, 9)


@pytest.mark.parametrize(
    ("fields", "size"),
    [
        ("factor: 1.5", (15, 18)),
        ("factor: 0.5, of: hr", (20, 24)),
        ("factor: 0.5, of: itself", (16, 16)),
        ("shrink: 2, of: itself", (16, 16)),
        ("shrink: scale, of: itself", (8, 8)),
        ("factor: 0.01", (1, 1)),
    ],
)
def test_a_factor_is_of_the_lr_image_of_the_hr_image_or_of_itself(fields: str, size: tuple[int, int]) -> None:
    draws = Draws.of_batch(torch.zeros(1, 1, 40, 48), 4, torch.Generator())
    for start in ("resize: {", "sample: {sigma: 1, "):
        resized = parse_operation(yaml.safe_load(f"{start}{fields}}}"))(torch.rand(1, 1, 32, 32), draws)
        assert resized.shape[-2:] == size


@given(st.integers(0, 1000))
@settings(max_examples=30, deadline=None)
def test_sizes_are_drawn_from_the_whole_range(seed: int) -> None:
    side = apply("resize: {shrink: [1, 4], of: itself}", torch.rand(1, 1, 120, 80), 2, seed).shape
    assert 30 <= side[-2] <= 120
    assert side[-1] == pytest.approx(side[-2] * 80 / 120, abs=1)


def test_half_the_draws_shrink_to_less_than_the_middle_of_the_range() -> None:
    image = torch.rand(1, 1, 120, 2)
    heights = [apply("resize: {shrink: [1, 4], of: itself}", image, 2, seed).shape[-2] for seed in range(200)]
    assert 70 < sum(height < 120 / 2.5 for height in heights) < 130


def test_each_method_is_drawn() -> None:
    image = torch.rand(1, 1, 16, 16)
    methods = "resize: {methods: [area, bilinear, lanczos], factor: 0.4, of: itself}"
    assert len({apply(methods, image, 1, seed).sum().item() for seed in range(30)}) == 3


@pytest.mark.parametrize("operation", ["sample: {sigma: [0.1, 2]}", "resize: {methods: [area, bilinear]}"])
def test_an_image_stays_in_its_place(operation: str) -> None:
    mean, _ = moments(apply(operation, hill(64, 64, (28.5, 36.5), 6), 4)[0, 0])
    assert torch.allclose(mean, torch.tensor([6.75, 8.75], dtype=torch.float64), atol=0.01)


def test_halving_takes_away_half_of_the_scale() -> None:
    image = torch.rand(1, 1, 36, 24)
    halved = apply("sequence: [halve: {scales: [4]}, resize: {shrink: scale, of: itself}]", image, 4)
    assert halved.shape[-2:] == (9, 6)
    assert apply("halve: {scales: [4]}", image, 4).shape[-2:] == (18, 12)
    assert apply("halve: {scales: [4]}", image, 2) is image


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"resize": {"factor": 1, "shrink": 1}}, "'resize' is wrong: give either 'factor' or 'shrink'"),
        ({"resize": {"methods": ["bicubik"]}}, "'methods' of 'resize' is wrong: Input should be 'area'"),
        ({"resize": {"methods": []}}, "'methods' of 'resize' is wrong"),
        ({"resize": {"factor": 0}}, "0.0 must be a range within 0.01 to 16"),
        ({"resize": {"of": "sr"}}, "'of' of 'resize' is wrong"),
    ],
)
def test_wrong_fields_are_named(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse_operation(wrong)
