import errno
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from nas.errors import InputError, RunError
from nas.training.checkpoint import Progress, load_checkpoint, save_checkpoint


@dataclass
class State:
    """All that a training changes."""

    networks: dict[str, nn.Module]
    optimisers: dict[str, torch.optim.Optimizer]
    sampler: torch.Generator

    @property
    def optimiser(self) -> torch.optim.Optimizer:
        return self.optimisers["optimiser"]

    def step(self) -> None:
        x = torch.randn(2, 2, 5, 5) + torch.randn(2, 2, 5, 5, generator=self.sampler)
        self.optimiser.zero_grad()
        self.networks["network"](x.contiguous(memory_format=torch.channels_last)).square().mean().backward()
        self.optimiser.step()

    def weights(self) -> list[Tensor]:
        return [t.clone() for net in self.networks.values() for t in net.state_dict().values()]


@pytest.fixture
def make() -> Callable[[int], State]:
    def made(seed: int) -> State:
        torch.manual_seed(seed)
        network = nn.Sequential(nn.Conv2d(2, 4, 3), nn.PReLU(), nn.Conv2d(4, 1, 1)).to(
            memory_format=torch.channels_last
        )
        optimiser = torch.optim.Adam(network.parameters(), lr=0.01)
        return State(
            {"network": network, "twin": nn.Linear(2, 2)}, {"optimiser": optimiser}, torch.Generator().manual_seed(seed)
        )

    return made


def save(path: Path, state: State, progress: Progress | None = None, identity: str = "this") -> None:
    save_checkpoint(path, state, state.sampler, progress or Progress(), identity)


def load(path: Path, state: State, identity: str = "this") -> Progress | None:
    return load_checkpoint(path, state, state.sampler, identity)


def test_nothing_is_restored_where_no_checkpoint_is(make: Callable[[int], State], tmp_path: Path) -> None:
    assert load(tmp_path / "checkpoint.safetensors", make(0)) is None


@pytest.mark.parametrize("steps", [0, 1, 5])
def test_everything_goes_on_bit_identically(make: Callable[[int], State], tmp_path: Path, steps: int) -> None:
    path = tmp_path / "new folder" / "checkpoint.safetensors"
    straight = make(0)
    for _ in range(steps):
        straight.step()
    save(path, straight)
    for _ in range(3):
        straight.step()
    expected = straight.weights(), torch.rand(3)
    other = make(1)
    other.step()
    load(path, other)
    for _ in range(3):
        other.step()
    assert all(torch.equal(a, b) for a, b in zip(expected[0], other.weights(), strict=True))
    assert torch.equal(expected[1], torch.rand(3))


def test_the_optimisers_memory_is_restored(make: Callable[[int], State], tmp_path: Path) -> None:
    path, state, other = tmp_path / "checkpoint.safetensors", make(0), make(1)
    state.step()
    save(path, state)
    load(path, other)
    for theirs, ours in zip(
        other.optimiser.state_dict()["state"].values(), state.optimiser.state_dict()["state"].values(), strict=True
    ):
        assert theirs.keys() == ours.keys()
        for name in ours:
            assert torch.equal(theirs[name], ours[name])
            assert theirs[name].stride() == ours[name].stride()


def test_the_progress_is_given_back(make: Callable[[int], State], tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.safetensors"
    progress = Progress(7, 1.5, 0.25, [{"step": 5, "loss": 0.1, "psnr": 33.0}], [[0.1], [0.2]])
    save(path, make(0), progress)
    assert load(path, make(1)) == progress


def test_no_partial_file_stays(make: Callable[[int], State], tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.safetensors"
    save(path, make(0))
    save(path, make(1))
    assert list(tmp_path.iterdir()) == [path]


def full(file: int) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_write_that_fails_leaves_the_old_checkpoint(
    make: Callable[[int], State], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "checkpoint.safetensors"
    save(path, make(0), Progress(step=3))
    monkeypatch.setattr("nas.files.os.fsync", full)
    with pytest.raises(RunError, match=r"checkpoint\.safetensors can't be written: No space left on device"):
        save(path, make(0), Progress(step=4))
    assert load(path, make(0)) == Progress(step=3)


def test_a_checkpoint_of_something_else_is_refused(make: Callable[[int], State], tmp_path: Path) -> None:
    path, state = tmp_path / "checkpoint.safetensors", make(1)
    save(path, make(0), identity="that")
    before = state.weights()
    with pytest.raises(InputError, match="is of another architecture, recipe or data set; delete it to start anew"):
        load(path, state)
    assert all(torch.equal(a, b) for a, b in zip(before, state.weights(), strict=True))


def flipped(whole: bytes) -> bytes:
    return whole[:-5] + bytes([whole[-5] ^ 1]) + whole[-4:]


@pytest.mark.parametrize(
    "damage", [lambda _: b"", lambda _: b"garbage", lambda _: bytes(1000), lambda whole: whole[:-10], flipped]
)
def test_a_damaged_checkpoint_is_set_aside_and_the_training_starts_anew(
    make: Callable[[int], State], tmp_path: Path, damage: Callable[[bytes], bytes]
) -> None:
    path = tmp_path / "checkpoint.safetensors"
    save(path, make(0))
    path.write_bytes(damaged := damage(path.read_bytes()))
    with pytest.warns(UserWarning, match=r"is damaged .*; it is kept as checkpoint.safetensors.damaged, and the tra"):
        assert load(path, make(0)) is None
    assert path.with_name("checkpoint.safetensors.damaged").read_bytes() == damaged
    assert not path.exists()
    assert load(path, make(0)) is None


def test_weights_without_a_training_are_refused(make: Callable[[int], State], tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.safetensors"
    save_file({"a": torch.zeros(1)}, path)
    with pytest.raises(InputError, match="is of another architecture"):
        load(path, make(0))
