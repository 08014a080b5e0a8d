import errno
import sqlite3

import optuna
import pytest
import torch
from safetensors import SafetensorError
from sqlalchemy.exc import OperationalError

from nas.errors import InputError, NetworkError, RunError
from nas.search.faults import in_words, is_the_networks
from nas.training.divergence import TrainingDivergedError
from search_spaces import SpaceError

ITS_OWN = [
    TrainingDivergedError("The loss became nan by step 3."),
    NetworkError("It can't be exported to ONNX."),
    torch.OutOfMemoryError("CUDA out of memory"),
    RuntimeError("mat1 and mat2 shapes cannot be multiplied"),
    ZeroDivisionError("division by zero"),
    SpaceError("A choice is missing."),
]
THE_MACHINES = [
    OSError(errno.ENOSPC, "No space left on device"),
    PermissionError(errno.EACCES, "Permission denied"),
    RunError("results/x can't be written: No space left on device."),
    InputError("The checkpoint x is of another recipe."),
    SafetensorError("I/O error"),
    MemoryError(),
    OperationalError("SELECT 1", {}, sqlite3.OperationalError("disk I/O error")),
    optuna.exceptions.StorageInternalError("An exception is raised during the commit."),
    torch.AcceleratorError("CUDA error: an illegal memory access was encountered"),
]


@pytest.mark.parametrize("error", ITS_OWN, ids=repr)
def test_what_a_network_does_is_its_own_fault(error: Exception) -> None:
    assert is_the_networks(error)


@pytest.mark.parametrize("error", THE_MACHINES, ids=repr)
def test_what_the_machine_does_is_no_networks_fault(error: Exception) -> None:
    assert not is_the_networks(error)


def test_a_fault_is_one_line() -> None:
    assert in_words(RunError("It is full.")) == "It is full."
    assert in_words(TrainingDivergedError("It is nan.")) == "TrainingDivergedError: It is nan."
    assert in_words(RuntimeError("the frobnicator is\nout of order")) == "RuntimeError: the frobnicator is"
    assert in_words(ValueError()) == "ValueError: "
    assert len(in_words(ValueError("x" * 10_000))) == 300
