"""A step that is recorded and replayed does what it did before; here on a CPU, whose recorder runs the work anew."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
import torch
from no_look import NoLook
from torch import Tensor, nn

from nas.data.dataset import Dataset
from nas.training.capture import WARM_UP, Captured, CudaGraphs
from nas.training.phase_steps import PhaseSteps
from nas.training.recipe import Recipe
from nas.training.report import Trained
from nas.training.trainer import seed_all, train
from search_spaces import Architecture

CPU = torch.device("cpu")
Make = Callable[..., Recipe]


@dataclass
class Tape:
    """Replays by doing the work again on the same memory, and says what happened."""

    device: torch.device = CPU
    obstacle: str | None = None
    fault: str | None = None
    done: list[str] = field(default_factory=list)

    def rehearse(self, work: Callable[[], Tensor]) -> tuple[Tensor, str | None]:
        self.done.append("rehearse")
        return work(), self.obstacle

    def record(self, work: Callable[[], Tensor]) -> tuple[Callable[[], None], Tensor]:
        self.done.append("record")
        if self.fault:
            raise RuntimeError(self.fault)
        result = torch.empty(0)

        def replay() -> None:
            self.done.append("replay")
            with NoLook():  # what a graph can't do
                found = work()
            result.resize_(found.shape).copy_(found)

        return replay, result


def sum_of_products(a: Tensor, b: Tensor) -> Tensor:
    return (a * b).sum()


def call(captured: Captured, times: int) -> list[float]:
    return [captured(torch.full((2,), float(i)), torch.ones(2)).item() for i in range(times)]


def test_after_the_warm_up_a_function_is_recorded_once_and_replayed_with_each_input() -> None:
    tape = Tape()
    assert call(Captured(sum_of_products, tape), WARM_UP + 3) == [2.0 * i for i in range(WARM_UP + 3)]
    assert tape.done == ["rehearse"] * WARM_UP + ["record"] + ["replay"] * 3


def test_results_belong_to_the_caller() -> None:
    captured = Captured(sum_of_products, Tape())
    results = [captured(torch.full((2,), float(i)), torch.ones(2)) for i in range(WARM_UP + 3)]
    assert [result.item() for result in results] == [2.0 * i for i in range(WARM_UP + 3)]


def test_what_makes_the_host_wait_is_not_recorded() -> None:
    tape = Tape(obstacle="item() was called.")
    with pytest.warns(UserWarning, match=r"can't run as a CUDA graph and continues without.*: item\(\) was called$"):
        assert call(Captured(sum_of_products, tape), WARM_UP + 3) == [2.0 * i for i in range(WARM_UP + 3)]
    assert tape.done == ["rehearse"] * WARM_UP


def test_what_fails_to_be_recorded_goes_on_as_it_was_after_one_warning() -> None:
    tape = Tape(fault="operation not permitted when stream is capturing\nand more")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert call(Captured(sum_of_products, tape), WARM_UP + 3) == [2.0 * i for i in range(WARM_UP + 3)]
    assert [str(one.message).rpartition(": ")[2] for one in caught] == [
        "operation not permitted when stream is capturing"
    ]
    assert tape.done == ["rehearse"] * WARM_UP + ["record"]


@pytest.fixture
def run(
    architecture: Architecture, data: Dataset, make_recipe: Make, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[nn.Module, Trained]]:
    """A function that trains the tiny network in two stages, with a tape as the recorder where one is given."""

    def run(tape: Tape | None = None) -> tuple[nn.Module, Trained]:
        if tape is not None:
            monkeypatch.setattr(PhaseSteps, "_captured", lambda self, function: Captured(function, tape))
        recipe = make_recipe(ema=0.9, stages=[{"share": 0.5, "patch": 8}, {"share": 0.5, "losses": {"l2": 1.0}}])
        seed_all(3)
        network = architecture.build()
        return network, train(network, data, recipe, seed=5, device=CPU)

    return run


def test_a_captured_training_is_the_same_training(run: Callable[..., tuple[nn.Module, Trained]]) -> None:
    plain, expected = run()
    tape = Tape()
    captured, found = run(tape)
    assert tape.done.count("record") == 2  # a stage has its own patches and losses
    assert tape.done.count("replay") == 30 - 2 * WARM_UP
    assert all(map(torch.equal, plain.state_dict().values(), captured.state_dict().values()))
    assert found.curve == expected.curve


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_replays_a_graph() -> None:
    device = torch.device("cuda", 0)
    captured = Captured(sum_of_products, CudaGraphs(device))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert call(captured, WARM_UP + 3) == [2.0 * i for i in range(WARM_UP + 3)]
    assert captured._replay is not None


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_sees_what_makes_the_host_wait() -> None:
    def looks(a: Tensor, b: Tensor) -> Tensor:
        return a.sum() * (b.sum().item())

    with pytest.warns(UserWarning, match="can't run as a CUDA graph"):
        assert call(Captured(looks, CudaGraphs(torch.device("cuda", 0))), WARM_UP + 3)[-1] == 20.0


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_training_on_a_gpu_never_makes_the_host_wait(
    architecture: Architecture, data: Dataset, make_recipe: Make
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        trained = train(architecture.build(), data, make_recipe(ema=0.9), seed=5, device=torch.device("cuda", 0))
    assert trained.steps == 30
