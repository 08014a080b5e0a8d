"""Tables of tiny networks: trained ones, and ones whose curves follow a formula."""

from collections.abc import Callable
from pathlib import Path

import pytest
from searches import CPU, Listener, write_recipe

from nas.budget import Budget
from nas.data.dataset import Dataset, open_dataset
from nas.evidence.benchmark.build import Build, TableRequest, prepare, work_on
from nas.training.recipe import load_recipe

PLAN = TableRequest({"dots": 5}, (Budget.parse("300M-MACs"),), scale=2, hr_size=(1280, 720))

Begin = Callable[..., Build]


@pytest.fixture
def images(tiny_data: Path, tmp_path: Path) -> Dataset:
    return open_dataset(tiny_data, scale=2, cache=tmp_path / "cache", min_lr_side=8)


@pytest.fixture
def begin(few_spaces: None, images: Dataset, tmp_path: Path) -> Begin:
    """Return a function that prepares a table of the space `dots`, or goes on with it."""

    def begin(request: TableRequest = PLAN, *, steps: int = 4, **changed: object) -> Build:
        recipe = load_recipe(write_recipe(tmp_path, steps), CPU, **changed)
        return prepare(request, images, recipe, CPU, tmp_path / "results" / "benchmark-tiny")

    return begin


def work(build: Build, jobs: int = 1, **more: float) -> list[str]:
    """Make what is missing; returns what was said."""
    listener = Listener()
    work_on(build, (CPU,) * jobs, listener, lambda: False, **more)
    return listener.lines
