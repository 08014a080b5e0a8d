from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from search_spaces.layers import scan
from search_spaces.layers.scan import SelectiveScan2d, linear_recurrence, selective_scan

NAMES = ("tokens", "steps", "decay", "write", "read")


def one_by_one(factor: Tensor, term: Tensor) -> Tensor:
    state, states = torch.zeros_like(term[:, 0]), []
    for t in range(term.shape[1]):
        state = factor[:, t] * state + term[:, t]
        states.append(state)
    return torch.stack(states, dim=1)


def sequential(tokens: Tensor, steps: Tensor, decay: Tensor, write: Tensor, read: Tensor) -> Tensor:
    """The recurrence as it is defined, a token at a time."""
    factor = torch.exp(torch.einsum("sld,sdn->sldn", steps, decay))
    term = torch.einsum("sld,sld,sln->sldn", steps, tokens, write)
    return torch.einsum("sldn,sln->sld", one_by_one(factor, term), read)


def inputs(length: int, step: float = 0.1, sequences: int = 3, width: int = 5, states: int = 4) -> list[Tensor]:
    generator = torch.Generator().manual_seed(length)
    shapes = [(sequences, length, width)] * 2 + [(sequences, width, states)] + [(sequences, length, states)] * 2
    tokens, steps, decay, write, read = (torch.randn(shape, generator=generator) for shape in shapes)
    return [x.requires_grad_() for x in (tokens, step * F.softplus(steps), -torch.exp(decay), write, read)]


def gradients(function: Callable[..., Tensor], given: list[Tensor]) -> tuple[Tensor, ...]:
    given = [x.detach().requires_grad_() for x in given]
    output = function(*given)
    weights = torch.randn(output.shape, generator=torch.Generator().manual_seed(0))
    return torch.autograd.grad((output * weights).sum(), given)


def close(ours: Tensor, expected: Tensor) -> bool:
    return torch.allclose(ours, expected, rtol=1e-4, atol=1e-4 * expected.abs().max().item())


@pytest.mark.parametrize("length", [1, 2, 63, 64, 65, 200, 1551])
def test_a_linear_recurrence_is_the_loop(length: int) -> None:
    generator = torch.Generator().manual_seed(0)
    factor, term = torch.rand(2, length, 3, generator=generator), torch.randn(2, length, 3, generator=generator)
    assert close(linear_recurrence(factor, term), one_by_one(factor, term))
    for ours, expected in zip(
        gradients(linear_recurrence, [factor, term]), gradients(one_by_one, [factor, term]), strict=True
    ):
        assert close(ours, expected)


@pytest.mark.parametrize("step", [1e-3, 0.1, 100.0], ids=["remembers", "forgets", "forgets-at-once"])
@pytest.mark.parametrize("length", [7, 300])
def test_a_selective_scan_is_the_loop_forwards_and_backwards(length: int, step: float) -> None:
    given = inputs(length, step)
    assert close(selective_scan(*given), sequential(*given))
    for name, ours, expected in zip(NAMES, gradients(selective_scan, given), gradients(sequential, given), strict=True):
        assert close(ours, expected), name


def test_a_state_that_never_decays_adds_up_without_drift() -> None:
    tokens, steps, _, write, read = (x.detach() for x in inputs(5000, sequences=1))
    expected = sequential(*(x.double() for x in (tokens, steps, torch.zeros(1, 5, 4), write, read)))
    assert close(selective_scan(tokens, steps, torch.zeros(1, 5, 4), write, read).double(), expected)


def test_channels_that_take_turns_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    given = inputs(100)
    at_once = [selective_scan(*given), *gradients(selective_scan, given)]
    monkeypatch.setattr(scan, "BUDGET", 3 * 100 * 4 * 2)  # two channels of five
    in_turns = [selective_scan(*given), *gradients(selective_scan, given)]
    assert all(close(a, b) for a, b in zip(in_turns, at_once, strict=True))


def test_training_keeps_less_than_the_states() -> None:
    kept = 0

    def keep(tensor: Tensor) -> Tensor:
        nonlocal kept
        kept += tensor.numel()
        return tensor

    given = inputs(500, states=16)
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        selective_scan(*given)
    assert kept < 3 * 500 * 5 * 16


def test_a_scan_is_in_float32_under_autocast() -> None:
    given = inputs(80)
    with torch.autocast("cpu", torch.bfloat16):
        output = selective_scan(*given)
    assert output.dtype == torch.float32
    assert torch.equal(output, selective_scan(*given))
    assert selective_scan(*(x.bfloat16() for x in given)).dtype == torch.float32


def test_on_the_meta_device_only_the_shape_is_computed() -> None:
    given = [x.to("meta") for x in inputs(3)]
    assert selective_scan(*given).shape == (3, 3, 5)


def four_directions(block: SelectiveScan2d, features: Tensor) -> Tensor:
    """The block a pixel at a time, in the four orders of the pixels."""
    height, width = features.shape[-2:]
    entered = torch.einsum("oc,nchw->nohw", block.enter.weight, features)
    image, gate = entered[:, : block.inner], entered[:, block.inner :]
    image = F.silu(F.conv2d(image, block.depthwise.weight, block.depthwise.bias, padding=1, groups=block.inner))
    by_rows = [(y, x) for y in range(height) for x in range(width)]
    by_columns = [(y, x) for x in range(width) for y in range(height)]
    total = torch.zeros_like(image)
    for k, order in enumerate((by_rows, by_columns, by_rows[::-1], by_columns[::-1])):
        channels = slice(k * block.inner, (k + 1) * block.inner)
        decay = -torch.exp(block.log_decay[channels])
        state = torch.zeros(len(features), block.inner, block.state)
        for y, x in order:
            token = image[:, :, y, x]
            step, write, read = (token @ block.project[k].T).split([block.rank, block.state, block.state], dim=1)
            step = F.softplus(step @ block.step_weight[k].T + block.step_bias[k])
            state = torch.exp(step[..., None] * decay) * state + (step * token)[..., None] * write[:, None]
            total[:, :, y, x] += (state * read[:, None]).sum(-1) + block.direct[channels] * token
    normed = F.layer_norm(total.permute(0, 2, 3, 1), (block.inner,), block.norm.weight, block.norm.bias)
    return torch.einsum("oc,nhwc->nohw", block.leave.weight, normed * F.silu(gate).permute(0, 2, 3, 1))


def test_the_block_scans_rows_and_columns_both_ways() -> None:
    torch.manual_seed(0)
    block = SelectiveScan2d(width=20, inner=7, state=3)
    for parameter in block.parameters():
        parameter.data = parameter.data + 0.3 * torch.randn_like(parameter)
    features = torch.randn(2, 20, 4, 6)
    with torch.no_grad():
        assert close(block(features), four_directions(block, features))


def test_steps_start_between_a_thousandth_and_a_tenth() -> None:
    torch.manual_seed(0)
    steps = F.softplus(SelectiveScan2d(width=60, inner=120, state=16).step_bias)
    assert 0.001 <= steps.min() < 0.0012 and 0.08 < steps.max() <= 0.1


def test_each_state_is_updated_and_read_once_a_pixel_and_direction() -> None:
    block: Any = SelectiveScan2d(width=8, inner=10, state=16)
    assert block.unseen_macs(torch.empty(2, 8, 5, 7)) == 2 * (2 * 4 * 10 * 35 * 16)
