from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest

from nas.search.extrapolation import Extrapolation, lifted, robust_deviation
from nas.search.history import MeasuredNetwork


def measured_network(macs: float, **rungs: float) -> MeasuredNetwork:
    return MeasuredNetwork("", {}, {"macs": macs}, {int(steps[1:]): {"psnr": psnr} for steps, psnr in rungs.items()}, 0)


def test_figures_of_low_rungs_are_lifted_by_what_others_gained() -> None:
    some = [
        measured_network(1e9, s10=30.0),
        measured_network(1e9, s10=30.0, s30=31.0),
        measured_network(1e9, s10=29.0, s30=31.0, s90=31.5),
    ]
    assert [figures["psnr"] for figures in lifted(some)] == [30.0 + 1.5 + 0.5, 31.5, 31.5]
    assert all(figures["macs"] == 1e9 for figures in lifted(some))


def test_where_nobody_went_on_nothing_is_added() -> None:
    assert [figures["psnr"] for figures in lifted([measured_network(1, s10=30.0), measured_network(1, s10=28.0)])] == [
        30.0,
        28.0,
    ]
    assert lifted([]) == []


def test_what_expensive_networks_gain_more_is_expected_of_others() -> None:
    gains = {1e9: 1.0, 2e9: 1.1, 4e9: 1.2, 8e9: 1.3}
    trained = [measured_network(macs, s10=30.0, s30=30.0 + gain) for macs, gain in gains.items()] * 5
    cheap, dear = lifted([*trained, measured_network(1e9, s10=30.0), measured_network(8e9, s10=30.0)])[-2:]
    assert dear["psnr"] - cheap["psnr"] == pytest.approx(0.3, abs=0.05)


def test_few_networks_show_little_of_a_slope() -> None:
    two = [measured_network(1e9, s10=30.0, s30=31.0), measured_network(8e9, s10=30.0, s30=32.0)]
    cheap, dear = lifted([*two, measured_network(1e9, s10=30.0), measured_network(8e9, s10=30.0)])[-2:]
    assert 0 < dear["psnr"] - cheap["psnr"] < 0.8


def test_a_failure_does_not_bend_the_line() -> None:
    trained = [measured_network(macs, s10=30.0, s30=31.0) for macs in (1e9, 2e9, 4e9)] * 2
    failed = measured_network(8e9, s10=30.0, s30=11.0)
    expected = lifted([*trained, failed, measured_network(8e9, s10=30.0)])[-1]
    assert expected["psnr"] == pytest.approx(31.0)


class Said:
    """Networks with the name `late` gain 0.4 dB more than others of their cost, in every step from rung to rung."""

    def between(self, networks: Sequence[MeasuredNetwork], low: int, high: int) -> Mapping[str, float]:
        return {network.fingerprint: 0.4 for network in networks if network.fingerprint == "late"}


def named(name: str, **rungs: float) -> MeasuredNetwork:
    return replace(measured_network(1e9, **rungs), fingerprint=name)


def test_a_network_of_which_more_is_known_is_expected_to_gain_more() -> None:
    late, usual = lifted(
        [named("late", s10=30.0), named("usual", s10=30.0), named("done", s10=30.0, s30=31.0)], Said()
    )[:2]
    assert late["psnr"] - usual["psnr"] == pytest.approx(0.7 * 0.4), "earlier trainings are believed in part"


def test_what_is_known_elsewhere_is_forgotten_where_it_does_not_hold() -> None:
    trained = [named("late", s10=30.0, s30=31.0), named("usual", s10=30.0, s30=31.0)] * 10
    late, usual = lifted([*trained, named("late", s10=30.0), named("usual", s10=30.0)], Said())[-2:]
    assert late["psnr"] - usual["psnr"] == pytest.approx(0.0, abs=0.01)


def test_the_scatter_is_what_is_left_of_the_gains() -> None:
    some = [measured_network(1e9, s10=30.0, s30=31.0 + extra) for extra in (-0.1, 0.0, 0.1)]
    scatter = Extrapolation.of(some).scatter(some, 10, 30, "psnr")
    assert scatter == pytest.approx([-0.1, 0.0, 0.1])
    assert robust_deviation(scatter) == pytest.approx(0.148, abs=0.001)
    assert robust_deviation(np.array([1.0, 1.0, 1.0, 99.0])) == 0
