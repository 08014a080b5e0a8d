import pytest

from nas.errors import InputError
from nas.objectives import (
    DEFAULT_OBJECTIVES,
    OBJECTIVES,
    first_cost,
    first_quality,
    parse_objectives,
    resolve,
)
from search_spaces import UnknownNameError


@pytest.mark.parametrize(
    "text", ["psnr,macs", "latency,psnr", "psnr,ssim,params", "ssim,macs,latency,memory", "psnr,activations,convs"]
)
def test_two_to_four_objectives_keep_their_order(text: str) -> None:
    assert ",".join(objective.name for objective in parse_objectives(text.split(","))) == text


@pytest.mark.parametrize(
    "text", ["psnr", "psnr,ssim", "macs,params,latency", "psnr,macs,psnr", "psnr,ssim,macs,params,latency"]
)
def test_what_leaves_nothing_to_weigh_is_refused(text: str) -> None:
    with pytest.raises(InputError, match=f"'{text}' can't be searched for; give two to four different objectives"):
        parse_objectives(text.split(","))


def test_a_misspelt_objective_suggests_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match=r"no objective named 'latencie'; did you mean 'latency'\?"):
        parse_objectives(("psnr", "latencie"))


def test_a_study_of_before_had_the_objectives_of_today_s_default() -> None:
    assert [o.title for o in resolve(DEFAULT_OBJECTIVES)] == ["PSNR dB", "GMACs"]


def test_a_figure_is_in_the_unit_that_the_title_says() -> None:
    figures = {
        "psnr": 35.4567,
        "ssim": 0.91234,
        "macs": 74.5e9,
        "params": 325e3,
        "latency": 12.345,
        "memory": 3 * 2**20,
    }
    assert [OBJECTIVES.get(name).in_study(figure) for name, figure in figures.items()] == [
        *(35.4567, 0.91234, 74.5, 325.0, 12.345, 3.0)
    ]
    assert [OBJECTIVES.get(name).in_words(figure) for name, figure in figures.items()] == [
        *("35.46 dB", "0.9123 SSIM", "74.50G MACs", "325.0K params", "12.35 ms", "3.0 MiB memory")
    ]


def test_the_first_of_each_kind_is_shown() -> None:
    objectives = resolve(("latency", "ssim", "psnr", "macs"))
    assert (first_quality(objectives).name, first_cost(objectives).name) == ("ssim", "latency")
