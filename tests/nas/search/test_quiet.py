import warnings
from collections.abc import Iterator

import optuna
import pytest

from nas.search.quiet import quiet_optuna


@pytest.fixture(autouse=True)
def verbosity() -> Iterator[None]:
    before = optuna.logging.get_verbosity()
    yield
    optuna.logging.set_verbosity(before)


def test_optuna_is_quiet_inside_and_as_before_afterwards(capfd: pytest.CaptureFixture[str]) -> None:
    optuna.logging.set_verbosity(optuna.logging.INFO)
    filters = list(warnings.filters)
    with quiet_optuna():
        optuna.create_study(sampler=optuna.samplers.PartialFixedSampler({}, optuna.samplers.RandomSampler()))
    assert capfd.readouterr().err == ""
    assert optuna.logging.get_verbosity() == optuna.logging.INFO
    assert list(warnings.filters) == filters
    optuna.create_study()
    assert "A new study created" in capfd.readouterr().err


def test_it_is_as_before_after_an_error() -> None:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with pytest.raises(ZeroDivisionError), quiet_optuna():
        raise ZeroDivisionError
    assert optuna.logging.get_verbosity() == optuna.logging.WARNING
