"""Images of 14 bits in 16-bit files: what a network is shown of them, and that their counts come back."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnxruntime
import pytest
import torch
import yaml
from radiometric_files import dji_jpeg

from nas.data.images import Pixels, read_image, write_image
from nas.data.normalisation import Normalisation
from nas.data.synthetic import scene
from nas.deploy.denoising import as_denoiser, load_denoiser
from nas.deploy.export import Exported, export
from nas.deploy.upscale import upscale_files
from nas.deploy.upscaler import Upscaler
from nas.errors import InputError
from nas.model import Model, load_model
from search_spaces.layers.fused import fused

COUNTS = scene(0, 61, 83).astype(np.uint16) * 8 + np.arange(83, dtype=np.uint16) + 14_000
COUNTS[5, 6] = 2  # a dead pixel
PERCENTILE = {"kind": "percentile", "low": 14_000, "high": 16_100, "percentiles": [0.1, 99.9], "bits": 16}
CPU = torch.device("cpu")

Make = Callable[..., Model]


@pytest.fixture(scope="module")
def seeing(make_model: Make) -> Callable[..., Model]:
    """Return a function that gives a model with random weights a normalisation."""
    model = make_model("moremnas/MoreMNAS-C", image_skip=True)

    def seeing(normalisation: Any) -> Model:
        recipe = {**model.recipe, "normalisation": normalisation}
        return Model(model.architecture, model.network, recipe, model.metrics)

    return seeing


@pytest.fixture(scope="module")
def exported(seeing: Callable[..., Model], tmp_path_factory: pytest.TempPathFactory) -> Exported:
    return export(seeing(PERCENTILE), tmp_path_factory.mktemp("export") / "exported")


@torch.no_grad()
def by_hand(model: Model, pixels: Pixels, low: float, high: float) -> Pixels:
    """The inference form of the network on (integers - low) / (high - low), and the way back, in plain arithmetic."""
    values = torch.from_numpy((pixels.astype(np.float32) - np.float32(low)) / np.float32(high - low))
    result = fused(model.network)(values[None, None])[0, 0].numpy()
    whole = np.floor(result * np.float32(high - low) + np.float32(low) + np.float32(0.5))
    return np.clip(whole, 0, np.iinfo(pixels.dtype).max).astype(pixels.dtype)


@pytest.mark.parametrize(
    ("normalisation", "low", "high"),
    [
        ("type", 0, 65_535),
        (PERCENTILE, 14_000, 16_100),
        ({"kind": "fixed", "low": 12_000, "high": 20_000, "bits": 16}, 12_000, 20_000),
        ("image", *np.percentile(COUNTS, (0.1, 99.9), method="inverted_cdf")),
    ],
    ids=["type", "percentile", "fixed", "image"],
)
def test_a_model_is_shown_its_range_and_counts_come_back(
    seeing: Callable[..., Model], normalisation: Any, low: float, high: float
) -> None:
    model = seeing(normalisation)
    assert np.array_equal(Upscaler(model)(COUNTS), by_hand(model, COUNTS, low, high))


def test_an_eight_bit_image_keeps_the_range_of_its_type(seeing: Callable[..., Model]) -> None:
    model, pixels = seeing(PERCENTILE), scene(1, 40, 50)
    assert np.array_equal(Upscaler(model)(pixels), by_hand(model, pixels, 0, 255))


@pytest.mark.parametrize("normalisation", [PERCENTILE, "image"], ids=["percentile", "image"])
def test_tiles_are_shown_the_range_of_the_whole_image(seeing: Callable[..., Model], normalisation: Any) -> None:
    model = seeing(normalisation)
    whole, tiled = Upscaler(model, tile=None)(COUNTS), Upscaler(model, tile=16)(COUNTS)
    assert np.abs(whole.astype(int) - tiled).max() <= 1


def test_temperatures_are_kept(seeing: Callable[..., Model]) -> None:
    """Without what its convolutions add, the network is bicubic interpolation, which keeps the mean count."""
    framed = np.full((80, 100), 15_000, np.uint16)  # at the border of an image interpolation doesn't
    framed[8 : 8 + 61, 8 : 8 + 83] = COUNTS
    results = [Upscaler(load_like(seeing(kind)))(framed) for kind in (PERCENTILE, "type", "image")]
    for result in results:
        assert result.mean() == pytest.approx(framed.mean(), abs=0.1)
        assert np.abs(result.astype(int) - results[0]).max() <= 1


def load_like(model: Model) -> Model:
    """The model with all its convolutions silenced."""
    network = model.architecture.build().eval()
    for parameter in network.parameters():
        torch.nn.init.zeros_(parameter)
    return Model(model.architecture, network, model.recipe, {})


def test_values_beyond_the_range_are_not_clipped(seeing: Callable[..., Model]) -> None:
    hot = COUNTS.copy()
    hot[20:40, 20:40] += 30_000
    result = Upscaler(load_like(seeing(PERCENTILE)))(hot)
    assert np.abs(result[50:70, 50:70].astype(int) - hot[25:35, 25:35].mean()).max() < 2200
    assert result.max() > 44_000


def test_an_export_keeps_the_normalisation(exported: Exported) -> None:
    model = load_model(exported.folder)
    assert model.recipe["normalisation"] == PERCENTILE
    assert yaml.safe_load((exported.folder / "retrain.yaml").read_text())["normalisation"] == PERCENTILE


def test_onnx_runtime_and_the_metadata_give_what_upscaling_gives(exported: Exported) -> None:
    session = onnxruntime.InferenceSession(exported.folder / "model.onnx", providers=["CPUExecutionProvider"])
    metadata = json.loads(session.get_modelmeta().custom_metadata_map["normalisation"])
    assert metadata == PERCENTILE
    low, high = np.float32(metadata["low"]), np.float32(metadata["high"])
    (result,) = session.run(["sr"], {"lr": ((COUNTS.astype(np.float32) - low) / (high - low))[None, None]})
    counts = np.clip(np.floor(result[0, 0] * (high - low) + low + np.float32(0.5)), 0, 65_535).astype(np.uint16)
    difference = counts.astype(int) - Upscaler(load_model(exported.folder))(COUNTS)
    # Runtimes round differently in the seventh digit: now and then a count falls on the other side of a half.
    assert np.abs(difference).max() <= 1
    assert np.mean(difference == 0) > 0.99


def test_images_of_quite_other_levels_are_told_of_once(
    seeing: Callable[..., Model], tmp_path: Path, recwarn: pytest.WarningsRecorder
) -> None:
    (tmp_path / "in").mkdir()
    for name in ("a", "b"):
        write_image(tmp_path / "in" / f"{name}.png", COUNTS - np.minimum(COUNTS, 10_000))
    upscale_files(seeing("image"), tmp_path / "in", tmp_path / "fits")
    assert not recwarn.list
    upscale_files(seeing(PERCENTILE), tmp_path / "in", tmp_path / "out")
    (warning,) = recwarn.list
    assert "a.png lies around the level" in str(warning.message)
    assert "but the model was trained on 14000 to 16100" in str(warning.message)


def test_a_radiometric_file_becomes_a_file_of_counts(seeing: Callable[..., Model], tmp_path: Path) -> None:
    model, source = seeing(PERCENTILE), tmp_path / "flight"
    (source / "1").mkdir(parents=True)
    (source / "1" / "DJI_1_T.JPG").write_bytes(dji_jpeg(COUNTS))
    cv2.imwrite(str(source / "visible.jpg"), scene(0, 40, 50))
    written = upscale_files(model, source, tmp_path / "out").files
    assert [path.relative_to(tmp_path).as_posix() for path in written] == ["out/1/DJI_1_T.png", "out/visible.jpg"]
    assert np.array_equal(read_image(written[0]), Upscaler(model)(COUNTS))
    write_image(source / "1" / "DJI_1_T.png", COUNTS)
    with pytest.raises(InputError, match=r"Two images of .*flight would both be written to .*DJI_1_T\.png"):
        upscale_files(model, source, tmp_path / "again")


def test_a_denoiser_has_its_own_normalisation(
    seeing: Callable[..., Model], make_denoiser: Callable[..., Path], tmp_path: Path
) -> None:
    folder = make_denoiser()
    plain = as_denoiser(str(folder), CPU)
    recipe = folder / "recipe.yaml"
    recipe.write_text(yaml.safe_dump({**yaml.safe_load(recipe.read_text()), "normalisation": PERCENTILE}))
    deep = as_denoiser(str(folder), CPU)
    assert plain is not None and deep is not None
    assert plain.digest != deep.digest
    model = load_denoiser(folder)
    assert np.array_equal(deep.run(COUNTS), by_hand(model, COUNTS, 14_000, 16_100))
    write_image(tmp_path / "in.png", COUNTS)
    enlarging = seeing("image")
    upscale_files(enlarging, tmp_path / "in.png", tmp_path / "out.png", denoiser=model)
    assert np.array_equal(read_image(tmp_path / "out.png"), Upscaler(enlarging)(deep.run(COUNTS)))


def test_a_model_with_a_wrong_normalisation_is_refused(seeing: Callable[..., Model]) -> None:
    with pytest.raises(InputError, match="The model's normalisation 'percentile' has no low, high and bits"):
        Upscaler(seeing("percentile"))
    assert Normalisation.stored(seeing("auto").recipe).kind == "type"
