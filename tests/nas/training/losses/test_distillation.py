from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from nas.data.normalisation import TYPE
from nas.training.losses import Batch, Criterion
from nas.training.teacher import load_teacher

Make = Callable[..., Criterion]


def test_it_is_the_distance_from_what_the_teacher_makes(make: Make, teacher: Path, batch: Batch) -> None:
    distillation = make("distillation", teacher=str(teacher))
    wanted = load_teacher(str(teacher), 2, TYPE, torch.device("cpu"))(batch.lr)
    assert distillation(Batch(batch.lr, batch.hr, wanted)).item() == 0
    assert distillation(Batch(batch.lr, batch.hr, wanted + 0.25)).item() == pytest.approx(0.25)


def test_the_original_has_no_part_in_it(make: Make, teacher: Path, batch: Batch) -> None:
    distillation = make("distillation", teacher=str(teacher))
    assert distillation(batch) == distillation(Batch(batch.lr, torch.zeros_like(batch.hr), batch.sr))
