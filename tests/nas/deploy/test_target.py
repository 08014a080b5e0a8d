from pathlib import Path

import pytest

from nas.deploy.graph import Operator
from nas.deploy.target import explain_refused, load_target, targets
from nas.errors import InputError
from search_spaces.registry import UnknownNameError

NAMES = ["hailo8", "ncnn", "onnxruntime", "openvino", "plain", "rk3588", "rv1106", "tensorrt", "tflite"]


def operator(kind: str, layer: str = "head", rank: int = 4, **attributes: object) -> Operator:
    return Operator(kind, layer, attributes, rank)


def test_these_targets_are_shipped() -> None:
    assert targets() == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_every_fact_of_a_target_has_a_source(name: str) -> None:
    target = load_target(name)
    assert target.name == name
    assert target.opset[0] <= target.opset[1]
    assert set(target.elsewhere) <= set(target.operators)
    assert target.sources["operators"]


def test_an_operator_is_refused_by_its_kind_or_by_its_attributes() -> None:
    target = load_target("plain")
    fine = [operator("Conv"), operator("Pad", mode="edge"), operator("DepthToSpace", mode="CRD")]
    assert target.refused(fine) == []
    (sigmoid, reflect) = target.refused([*fine, operator("Sigmoid"), operator("Pad", "cells.0", mode="reflect")])
    assert (sigmoid.kind, sigmoid.layers, sigmoid.why) == ("Sigmoid", ("head",), "is no operator of it")
    assert (reflect.kind, reflect.layers) == ("Pad", ("cells.0",))
    assert reflect.why == "is taken with mode edge only, not reflect"


def test_a_limit_on_the_rank_holds_for_the_first_output() -> None:
    target = load_target("plain").model_copy(update={"operators": {"Transpose": {"rank": [2, 3, 4]}}})
    assert not target.refused([operator("Transpose", rank=4)])
    assert target.refused([operator("Transpose", rank=6)])[0].why == "is taken with rank 2, 3, 4 only, not 6"


def test_a_refusal_names_operators_layers_and_what_to_do() -> None:
    every = [operator("Sigmoid", f"cells.{i}") for i in range(5)]
    with pytest.raises(InputError, match=r"Sigmoid is no operator of it \(in cells.0, cells.1, cells.2 and 2 others\)"):
        explain_refused(load_target("plain"), every)
    with pytest.raises(InputError, match="nas cost --for plain --ops"):
        explain_refused(load_target("plain"), every)


def test_a_target_of_the_user_is_a_file(tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text("title: Mine\ncompiler: none\nopset: [13, 17]\noperators: {Conv: {}}\nsources: {operators: me}\n")
    assert load_target(str(mine)).refused([operator("Conv"), operator("Relu")])[0].kind == "Relu"
    mine.write_text("title: Mine\n")
    with pytest.raises(InputError, match="is no target: "):
        load_target(str(mine))
    mine.write_text("[]\n")
    with pytest.raises(InputError, match="holds no fields"):
        load_target(str(mine))


def test_an_unknown_name_is_told_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'rk3588'"):
        load_target("rk3568")
