import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from nas.deploy.latency_line import ENOUGH_FOR_OFFSET, Line, fit, left_out, relative_error

sums = st.floats(0.01, 1000)
pairs = st.lists(st.tuples(sums, sums), max_size=8)


@given(st.floats(0.1, 10), st.floats(0, 100), st.lists(sums, min_size=ENOUGH_FOR_OFFSET, max_size=8, unique=True))
def test_times_on_a_line_are_predicted_exactly(slope: float, offset: float, parts: list[float]) -> None:
    assume(min(abs(a - b) for a in parts for b in parts if a != b) > 1e-3 * max(parts))
    line = fit([(p, Line(slope, offset).ms(p)) for p in parts])
    for p in parts:
        assert line.ms(p) == pytest.approx(Line(slope, offset).ms(p), rel=1e-6)


@given(pairs)
def test_a_longer_sum_is_a_longer_time_and_no_time_is_negative(measured: list[tuple[float, float]]) -> None:
    line = fit(measured)
    assert line.slope > 0 and line.offset >= 0


@given(st.lists(st.tuples(sums, sums), min_size=1, max_size=8), st.floats(0.1, 10), st.floats(0, 10))
def test_no_line_through_the_origin_is_nearer(measured: list[tuple[float, float]], slope: float, offset: float) -> None:
    def off(line: Line) -> float:
        return sum(relative_error(line, pair) for pair in measured)

    other = Line(slope, offset if len(measured) >= ENOUGH_FOR_OFFSET else 0)
    assert off(fit(measured)) <= off(other) * (1 + 1e-9)


def test_one_network_that_is_far_off_does_not_move_the_line() -> None:
    good = [(p, 5 + 2 * p) for p in (1.0, 3.0, 8.0, 20.0, 30.0)]
    line = fit([*good, (10.0, 400.0)])
    assert (line.slope, line.offset) == pytest.approx((2, 5))


def test_with_nothing_measured_the_prediction_is_the_sum_itself() -> None:
    assert fit([]).ms(12.5) == 12.5
    assert left_out([]) is None


def test_an_error_is_that_of_a_prediction_without_the_network_itself() -> None:
    # Of two, each is predicted by the other's ratio: 3 ms by 2, 2 ms by 3.
    error = left_out([(1, 2), (1, 3)])
    assert error is not None
    assert (error.networks, error.largest, error.median) == (
        2,
        pytest.approx(1 / 2),
        pytest.approx((1 / 2 + 1 / 3) / 2),
    )


def test_networks_that_were_never_fitted_count_as_they_are_predicted() -> None:
    error = left_out([(1, 2), (2, 4)], others=[(3, 12)])
    assert error is not None
    assert (error.networks, error.median, error.largest) == (3, 0, pytest.approx(0.5))
