import pytest

from nas.search.front import Candidate
from nas.search.noise import noise_of, telling_gap, usual_noise, within_noise
from nas.table import Row, Training
from search_spaces import Architecture


def trained(*finals: float) -> Row:
    trainings = tuple(Training(seed=seed, curve=((900, psnr),)) for seed, psnr in enumerate(finals))
    return Row(architecture={}, macs=1, params=1, trainings=trainings)


def member(trial: int, psnr: float) -> Candidate:
    network = Architecture("falsr", 2, 1, {})
    return Candidate(trial, network, f"run:{trial}", {"psnr": psnr, "macs": 1e9 * (trial + 1)}, 1.0)


def test_the_noise_is_that_of_the_median_pair_of_trainings() -> None:
    alike = noise_of([trained(30.0, 30.1), trained(31.0, 31.1), trained(32.0)])
    assert alike == pytest.approx(1.4826 * 0.1 / 2**0.5)
    assert noise_of([trained(30.0, 30.1), trained(31.0, 31.1), trained(32.0, 22.0)]) == pytest.approx(alike)
    assert noise_of([trained(30.0)]) == 0


def test_infrared_networks_differ_by_hundredths_of_a_decibel_between_seeds() -> None:
    assert 0.02 < usual_noise(900) < 0.08
    assert telling_gap(usual_noise(900)) == pytest.approx(2.33 * usual_noise(900), rel=0.01)


def test_longer_trainings_differ_less() -> None:
    assert 0.01 < usual_noise(2700) < usual_noise(900)
    assert usual_noise(6000) == usual_noise(2700) and usual_noise(300) == usual_noise(900)


def test_members_of_a_front_that_gain_little_are_doubtful() -> None:
    front = [member(0, 30.0), member(1, 30.2), member(2, 30.25), member(3, 31.0)]
    assert within_noise(front, 0.05) == {2}
    assert within_noise(front, 0.0) == set()
