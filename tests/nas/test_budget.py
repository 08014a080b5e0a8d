import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas.budget import Budget, known_budgets, refusal, tightest
from nas.cost import Cost
from nas.errors import InputError

budgets = st.builds(
    Budget, st.integers(1, 10**18), st.sampled_from(["MACs", "params", "activations", "convs", "memory"])
) | st.builds(Budget, st.integers(1, 10**9).map(lambda microseconds: microseconds / 1000), st.just("ms"))


def priced(*, params: int = 0, macs: int = 0, memory: int = 0) -> Cost:
    return Cost(params, macs, activations=0, convs=0, peak_memory=memory, hr_size=(1280, 720))


@given(budgets)
def test_a_budget_is_printed_as_it_is_parsed(budget: Budget) -> None:
    assert Budget.parse(str(budget)) == budget


@pytest.mark.parametrize(
    ("text", "limit", "unit"),
    [
        ("300G-MACs", 300_000_000_000, "MACs"),
        ("300 gmacs", 300_000_000_000, "MACs"),
        ("300Gmacs", 300_000_000_000, "MACs"),
        ("  1.5T MACS ", 1_500_000_000_000, "MACs"),
        ("1.2M-params", 1_200_000, "params"),
        ("900k params", 900_000, "params"),
        ("900K-params", 900_000, "params"),
        ("0.5K-params", 500, "params"),
        ("5657 params", 5_657, "params"),
        ("1310000000 MACs", 1_310_000_000, "MACs"),
        ("7M MACs", 7_000_000, "MACs"),
        ("40M-activations", 40_000_000, "activations"),
        ("20-convs", 20, "convs"),
        ("20 convs", 20, "convs"),
        ("64MiB-memory", 64 * 2**20, "memory"),
        ("1.5 gib memory", 1536 * 2**20, "memory"),
        ("100B-memory", 100, "memory"),
        ("33ms", 33.0, "ms"),
        ("16.667 MS", 16.667, "ms"),
    ],
)
def test_budgets_are_written_in_many_ways(text: str, limit: float, unit: str) -> None:
    assert Budget.parse(text) == Budget(limit, unit)


@pytest.mark.parametrize(
    "text",
    [
        "300G-MACs",
        "1.2M-params",
        "64MiB-memory",
        "1.5GiB-memory",
        "100B-memory",
        "16.667ms",
        "40M-activations",
        "20-convs",
    ],
)
def test_budgets_are_printed_in_the_shortest_way(text: str) -> None:
    assert str(Budget.parse(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        *(
            "300 bananas",
            "",
            " ",
            "-5G-MACs",
            "G-MACs",
            "300G",
            "300X-MACs",
            "1e9-MACs",
            "1,2M-params",
            "3\u212a params",
        ),
        *("64MiB", "64MB-memory", "64M-memory", "33", "33s", "33Kms"),
    ],
)
def test_what_is_no_budget_is_refused_with_what_would_be_right(text: str) -> None:
    with pytest.raises(
        InputError,
        match="is not a budget; write it as 300G-MACs, 900K-params, 40M-activations, 20-convs, 33ms or 64MiB-memory",
    ) as error:
        Budget.parse(text)
    assert f"'{text}'" in str(error.value)


@pytest.mark.parametrize("text", ["0G-MACs", "0.0 params", "0.5 params", "0.5B-memory", "0.0004ms"])
def test_a_budget_of_nothing_is_refused(text: str) -> None:
    with pytest.raises(InputError, match=f"at least (1 MACs|1 params|1 B memory|0.001 ms), not '{text}'"):
        Budget.parse(text)


def test_the_excess_is_how_far_a_cost_is_over() -> None:
    cost = priced(params=120, macs=1_000)
    assert Budget(100, "params").excess(cost) == 20
    assert Budget(120, "params").excess(cost) == 0
    assert Budget(4_000, "MACs").excess(cost) == -3_000


def test_a_refusal_names_every_budget_that_is_broken() -> None:
    both = (Budget.parse("300G-MACs"), Budget.parse("900K-params"))
    assert refusal(both, priced(params=900_000, macs=300_000_000_000)) is None
    assert refusal(both, priced(params=1, macs=412_100_000_000)) == "412.1G > 300G MACs"
    assert refusal(both, priced(params=1_200_000, macs=412_100_000_000)) == "412.1G > 300G MACs, 1.200M > 900K params"
    assert refusal((), priced(macs=10**15)) is None


def test_a_refusal_shows_as_many_digits_as_tell_the_cost_from_the_budget() -> None:
    def told(budget: str, **cost: float) -> str | None:
        return refusal((Budget.parse(budget),), cost)

    assert told("300G-MACs", macs=300_000_000_001) == "300.000000001G > 300G MACs"
    assert told("300G-MACs", macs=300_040_000_000) == "300.04G > 300G MACs"
    assert told("900K-params", params=900_001) == "900.001K > 900K params"
    assert told("900-params", params=901) == "901 > 900 params"
    assert told("64MiB-memory", memory=64 * 2**20 + 1) == "64.000001MiB > 64MiB memory"
    assert told("64GiB-memory", memory=70_000 * 2**20) == "70000MiB > 64GiB memory"
    assert told("33ms", latency=33.0001) == "33.0001 > 33 ms"


@pytest.mark.parametrize(
    "text", ["1" * 26 + "ms", "1" * 26 + "-MACs", "1000001T-MACs", "9" * 5000 + "B-memory", "2000000T params"]
)
def test_a_budget_beyond_any_network_is_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"^A budget must be at most \S+ \w+, not '") as error:
        Budget.parse(text)
    assert len(str(error.value)) < 200


def test_many_digits_are_cut_to_what_counts() -> None:
    assert Budget.parse("33." + "3" * 400 + "ms") == Budget(33.333, "ms")
    assert Budget.parse("1." + "5" * 400 + "K-params") == Budget(1555, "params")


def test_of_two_budgets_of_one_unit_the_tighter_holds() -> None:
    budgets = [Budget.parse(text) for text in ("300G-MACs", "33ms", "200G-MACs", "250G-MACs", "1M-params")]
    assert [str(budget) for budget in tightest(budgets)] == ["200G-MACs", "33ms", "1M-params"]


def test_a_budget_on_what_is_not_known_yet_refuses_nothing() -> None:
    slow, large = Budget.parse("33ms"), Budget.parse("64MiB-memory")
    assert refusal((slow, large), {"macs": 10**15, "params": 10**9}) is None
    assert known_budgets((slow, large), priced()) == [large]
    assert refusal((slow, large), priced(memory=70 * 2**20)) == "70MiB > 64MiB memory"
    assert refusal((slow, large), {"memory": 2**20, "latency": 41.23456}) == "41.23 > 33 ms"


def test_a_budget_limits_one_of_the_costs_that_are_objectives() -> None:
    assert {str(b): b.cost for b in map(Budget.parse, ("1-MACs", "1-params", "1B-memory", "1ms"))} == {
        "1-MACs": "macs",
        "1-params": "params",
        "1B-memory": "memory",
        "1ms": "latency",
    }
