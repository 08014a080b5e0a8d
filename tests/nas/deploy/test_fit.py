import pytest

from nas.cost import cost
from nas.deploy.fit import fit
from nas.deploy.target import load_target
from search_spaces import Architecture
from search_spaces.families.hybrid_seeds import point

LR = (640, 360)


@pytest.mark.parametrize("name", ["ecbsr/M4C16", "imdn/IMDN-RTC", "fsrcnn/FSRCNN"])
def test_without_rounding_the_graph_has_the_multiply_adds_of_nas_cost_and_of_fixed_filters(name: str) -> None:
    architecture = Architecture.published(name)
    filters = 4 * LR[0] * LR[1] if name.startswith("ecbsr") else 0  # the copied image
    assert fit(architecture, load_target("onnxruntime"), LR).macs == cost(architecture).macs + filters


def test_channels_count_in_the_multiples_of_the_chip() -> None:
    narrow, wide = (Architecture("hybrid", 2, 1, point("conv x1", width=width)) for width in (12, 16))
    chip = load_target("rk3588")
    assert fit(narrow, chip, LR).macs == fit(wide, chip, LR).macs
    assert fit(narrow, load_target("plain"), LR).macs < fit(wide, load_target("plain"), LR).macs


def test_a_verdict_is_given_for_each_kind_of_operator() -> None:
    found = fit(Architecture.published("imdn/IMDN-RTC"), load_target("plain"), LR)
    assert {"Concat", "Split"} == {entry.kind for entry in found.refused}
    assert found.verdict("Conv") == "yes"
    assert found.verdict("Split") == "no: is no operator of it"
    assert found.layers("Conv")[0] == "head"
    assert found.to_dict()["operators"]["Split"]["taken"].startswith("no")


def test_what_the_chip_leaves_to_a_cpu_is_said() -> None:
    chip = load_target("rk3588")
    found = fit(Architecture("hybrid", 2, 1, point("conv x1", width=8, upsampler="nearest")), chip, LR)
    assert found.verdict("Resize") == "on the CPU"
    assert chip.on_cpu(found.operators) == ["Resize"]
