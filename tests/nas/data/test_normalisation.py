import json
import warnings
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from nas.data.dataset import Dataset, open_dataset, open_images
from nas.data.images import Pixels, read_image, resize_bicubic, write_image
from nas.data.normalisation import AUTO, TYPE, Histogram, Normalisation, histogram_of, range_in_use
from nas.data.patches import PatchSampler
from nas.data.synthetic import scene
from nas.errors import InputError
from nas.metrics import Protocol, bicubic_baseline, measure

DEEP = scene(0, 64, 80).astype(np.uint16) * 8 + 14_000
SHALLOW = scene(1, 64, 80)


def of(**fields: Any) -> Normalisation:
    return Normalisation.model_validate(fields)


def histogram(*images: Pixels) -> Histogram:
    return histogram_of(images)


def counting(low: int, high: int) -> Normalisation:
    return of(kind="percentile", low=low, high=high, bits=16)


@pytest.fixture
def opened(tiny_data16: Path, tmp_path: Path) -> Any:
    """Return a function that opens the 16-bit set, normalised as given."""
    return partial(open_dataset, tiny_data16, scale=2, cache=tmp_path / "cache")


# What it computes


@given(
    st.sampled_from(["type", "fixed", "percentile", "image"]),
    st.sampled_from([np.uint8, np.uint16]),
    st.integers(0, 65_534),
    st.integers(1, 65_535),
    st.data(),
)
def test_every_integer_comes_back_whatever_the_normalisation(
    kind: str, dtype: type, low: int, width: int, data: st.DataObject
) -> None:
    numbers = {"low": low, "high": min(low + width, 65_535)} if kind in ("fixed", "percentile") else {}
    limit = int(np.iinfo(dtype).max)
    lr = np.array([data.draw(st.lists(st.integers(0, limit), min_size=4, max_size=4))], dtype)
    levels = of(kind=kind, **numbers, bits=data.draw(st.sampled_from([8, 16]))).levels(lr)
    every = torch.arange(limit + 1)
    assert torch.equal(levels.integers(levels.values(every)), every.float())


@pytest.mark.parametrize("pixels", [DEEP, SHALLOW], ids=["16-bit", "8-bit"])
def test_the_type_is_its_whole_range(pixels: Pixels) -> None:
    limit = int(np.iinfo(pixels.dtype).max)
    levels = TYPE.levels(pixels)
    assert (levels.low, levels.high, levels.limit, levels.peak) == (0, limit, limit, limit)


def test_a_fixed_range_is_what_its_user_says() -> None:
    levels = of(kind="fixed", low=10_000, high=20_000).resolved(16, histogram).levels(DEEP)
    assert levels.values(torch.tensor([9_000, 15_000, 21_000])).tolist() == pytest.approx([-0.1, 0.5, 1.1])
    assert levels.peak == 10_000


@given(
    st.lists(st.integers(0, 65_535), min_size=1, max_size=300),
    st.tuples(st.integers(0, 1000), st.integers(0, 1000)).filter(lambda p: p[0] < p[1]),
)
def test_percentiles_are_numpys_inverted_cdf(values: list[int], tenths: tuple[int, int]) -> None:
    percentiles = (tenths[0] / 10, tenths[1] / 10)
    low, high = np.percentile(np.array(values), percentiles, method="inverted_cdf")
    found = range_in_use(histogram(np.array([values], np.uint16)), percentiles)
    assert found == (low, high) if low < high else found[1] - found[0] == 1


def test_dead_and_saturated_pixels_do_not_decide_the_range() -> None:
    broken = DEEP.copy()
    broken[10, 10], broken[20, 20], broken[30, 30] = 0, 2, 65_535
    percentiles = (0.1, 99.9)
    whole, found = range_in_use(histogram(DEEP), percentiles), range_in_use(histogram(broken), percentiles)
    assert found == pytest.approx(whole, abs=40)
    assert max(found) < 17_000


def test_an_image_is_normalised_by_its_own_lr_pixels() -> None:
    image = of(kind="image", percentiles=[0, 100])
    levels = image.levels(DEEP[::2, ::2])
    assert (levels.low, levels.high) == (DEEP[::2, ::2].min(), DEEP[::2, ::2].max())
    assert levels.peak == levels.high - levels.low
    flat = image.levels(np.full((4, 4), 65_535, np.uint16))
    assert flat.integers(flat.values(torch.tensor([0, 65_535]))).tolist() == [0, 65_535]


# How a recipe names it


@pytest.mark.parametrize("kind", ["auto", "type", "percentile", "image"])
def test_a_kind_alone_stands_for_all_of_it(kind: str) -> None:
    assert Normalisation.model_validate(kind) == of(kind=kind)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"kind": "type", "peak": 16_383},
        {"kind": "fixed", "low": 10.5, "high": 20_000},
        {"kind": "percentile", "percentiles": [1, 99]},
        {"kind": "percentile", "low": 14_306, "high": 17_005, "bits": 16},
    ],
)
def test_it_survives_yaml_and_json_and_shows_no_blanks(fields: dict[str, Any]) -> None:
    normalisation = of(**fields)
    plain = normalisation.model_dump(mode="json")
    assert None not in plain.values()
    assert of(**yaml.safe_load(yaml.safe_dump(plain))) == normalisation
    assert of(**json.loads(normalisation.model_dump_json())) == normalisation


@pytest.mark.parametrize(
    ("first", "second", "is_same"),
    [
        ({"kind": "type"}, {"kind": "type", "peak": 200}, True),
        ({"kind": "type"}, {"kind": "fixed", "low": 0, "high": 65535, "bits": 16}, True),
        (
            {"kind": "fixed", "low": 1, "high": 9, "bits": 16},
            {"kind": "percentile", "low": 1, "high": 9, "bits": 16},
            True,
        ),
        ({"kind": "fixed", "low": 1, "high": 9, "bits": 16}, {"kind": "fixed", "low": 1, "high": 9, "bits": 8}, False),
        ({"kind": "fixed", "low": 1, "high": 9, "bits": 16}, {"kind": "type"}, False),
        ({"kind": "image"}, {"kind": "image", "peak": 9000}, True),
        ({"kind": "image"}, {"kind": "image", "percentiles": (1, 99)}, False),
        ({"kind": "image"}, {"kind": "type"}, False),
    ],
)
def test_two_that_give_every_image_the_same_values_are_told(
    first: dict[str, Any], second: dict[str, Any], is_same: bool
) -> None:
    one, other = Normalisation(**first), Normalisation(**second)
    assert one.sees_as(other) == other.sees_as(one) == is_same
    assert one.sees_as(one)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"kind": "percentil"}, "'percentile'"),
        ({"kind": "fixed"}, "'fixed' needs low and high"),
        ({"kind": "fixed", "low": 5}, "low and high are given together"),
        ({"kind": "fixed", "low": 9, "high": 9}, "low must be below high, but 9 is not below 9"),
        ({"kind": "fixed", "low": 0, "high": 70_000}, "less than or equal to 65535"),
        ({"kind": "type", "low": 0, "high": 9}, "'type' takes no low and high"),
        ({"kind": "percentile", "percentiles": [99, 1]}, "the first percentile must be below the second"),
        ({"kind": "percentile", "percentiles": [0, 101]}, "less than or equal to 100"),
        ({"kind": "auto", "lowest": 1}, "Extra inputs"),
    ],
)
def test_what_is_wrong_is_said(fields: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        of(**fields)


def test_a_model_without_one_sees_the_range_of_the_type() -> None:
    assert Normalisation.stored({}) == TYPE
    assert Normalisation.stored({"normalisation": "auto"}) == TYPE
    assert Normalisation.stored({"normalisation": {"kind": "image"}}) == of(kind="image")
    with pytest.raises(InputError, match="'percentile' has no low, high and bits"):
        Normalisation.stored({"normalisation": "percentile"})
    with pytest.raises(InputError, match=r"The model's normalisation is wrong: .*'auto', 'type'"):
        Normalisation.stored({"normalisation": 7 * "x"})


# What a data set makes of it


def test_auto_is_the_type_for_eight_bits_and_percentiles_for_sixteen(
    tiny_data: Path, tiny_data16: Path, tmp_path: Path
) -> None:
    assert open_dataset(tiny_data, scale=2, cache=tmp_path / "cache").normalisation == TYPE
    data = open_dataset(tiny_data16, scale=2, cache=tmp_path / "cache")
    counts = np.concatenate([read_image(file).ravel() for file in (tiny_data16 / "train").iterdir()])
    low, high = np.percentile(counts, (0.1, 99.9), method="inverted_cdf")
    assert data.normalisation == counting(low, high)
    assert counts.min() == 2 < low
    assert data.validation.normalisation == data.normalisation
    levels = data.validation.levels(0)
    assert (levels.low, levels.high, levels.peak) == (low, high, high - low)


def test_the_validation_images_do_not_decide_the_range(opened: Any, tiny_data16: Path) -> None:
    before = opened().normalisation
    for file in (tiny_data16 / "val").iterdir():
        write_image(file, read_image(file) + 20_000)
    after = opened()
    assert after.normalisation == before
    assert after.validation.pair(0).hr.min() > 1


def test_an_image_of_another_depth_keeps_the_range_of_its_type(tmp_path: Path) -> None:
    for name, pixels in {"a.png": DEEP, "b.png": SHALLOW}.items():
        write_image(tmp_path / name, pixels)
    for normalisation in (AUTO, of(kind="fixed", low=14_000, high=16_000)):
        images = open_images(tmp_path, scale=2, cache=tmp_path / "cache", normalisation=normalisation)
        assert images.normalisation.bits == 16
        assert images.levels(0).peak < 2100
        assert images.levels(1) == TYPE.levels(SHALLOW)
        assert images.peak_in_words == f"255 or {images.levels(0).peak:g}"


@pytest.mark.parametrize("kind", ["type", "percentile", "image"])
def test_pairs_hold_the_integers_of_the_files(opened: Any, kind: str) -> None:
    images = opened(normalisation=of(kind=kind)).train
    for index in range(len(images)):
        pair = images.pair(index)
        for values, pixels in ((pair.lr, images.lr.pixels(index)), (pair.hr, images.hr.pixels(index))):
            assert np.array_equal(pair.levels.integers(values)[0, 0].numpy(), pixels[: values.shape[2]])


@pytest.mark.parametrize("kind", ["type", "percentile", "image"])
def test_patches_have_the_values_of_pairs(opened: Any, kind: str) -> None:
    images = opened(normalisation=of(kind=kind)).train
    known = [set(torch.cat([p.lr.flatten(), p.hr.flatten()]).tolist()) for p in map(images.pair, range(len(images)))]
    lr, hr = PatchSampler(images, 6, "cpu").sample(20, torch.Generator().manual_seed(0))
    for low, high in zip(lr, hr, strict=True):
        values = set(torch.cat([low.flatten(), high.flatten()]).tolist())
        assert any(values <= of_image for of_image in known)


def test_lr_images_do_not_depend_on_it(opened: Any) -> None:
    stores = {opened(normalisation=of(kind=kind)).train.lr.file for kind in ("type", "percentile", "image")}
    assert len(stores) == 1


def test_images_that_it_does_not_fit_are_told_of(opened: Any, tiny_data: Path, tmp_path: Path) -> None:
    with pytest.warns(
        UserWarning, match=r"use the levels \d+ to \d+, .* % of the range 0 to 65535 .*normalisation: auto"
    ):
        opened(normalisation=TYPE)
    with pytest.warns(UserWarning, match="far beyond the normalised 3000 to 5000"):
        opened(normalisation=counting(3_000, 5_000))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        opened(normalisation=opened().normalisation)
        opened(normalisation=of(kind="image"))
        for normalisation in (TYPE, counting(14_000, 16_000)):  # 8-bit images
            open_dataset(tiny_data, scale=2, cache=tmp_path / "cache", normalisation=normalisation)


# What is measured


def bicubic_error(data: Dataset) -> np.ndarray:
    """Mean squared errors of bicubic interpolation in counts, with the scale left out at each side."""
    errors = []
    for index, (height, width) in enumerate(data.validation.sizes):
        lr, hr = data.validation.lr.pixels(index), data.validation.hr.pixels(index)[:height, :width]
        sr = resize_bicubic(torch.from_numpy(lr.astype(np.float64))[None, None], (height, width))[0, 0].numpy()
        errors.append(np.mean((np.floor(sr.astype(np.float64) + 0.5) - hr)[2:-2, 2:-2] ** 2))
    return np.array(errors)


@pytest.mark.parametrize("kind", ["type", "percentile", "image"])
def test_psnr_is_of_counts_against_the_range(opened: Any, kind: str) -> None:
    data = opened(normalisation=of(kind=kind))
    peaks = [data.validation.levels(index).peak for index in range(len(data.validation))]
    expected = np.mean(10 * np.log10(np.array(peaks) ** 2 / bicubic_error(data)))
    # Float32 may round a pixel to the other side of a half.
    assert bicubic_baseline(data.validation).psnr == pytest.approx(expected, abs=0.01)


def test_a_peak_may_be_named_and_stands_in_the_protocol(opened: Any) -> None:
    images = {
        name: opened(normalisation=normalisation).validation
        for name, normalisation in {
            "type": TYPE,
            "auto": AUTO,
            "image": of(kind="image"),
            "14 bits": of(kind="auto", peak=16_383),
            "14 bits, type": of(kind="type", peak=16_383),
        }.items()
    }
    peaks = {name: Protocol.of(one).peak for name, one in images.items()}
    numbers = images["auto"].normalisation
    assert numbers.high is not None and numbers.low is not None
    assert peaks == {
        "type": "integer range",
        "auto": f"{numbers.high - numbers.low:g}",
        "image": "range of each LR image, 0.1 to 99.9 %",
        "14 bits": "16383",
        "14 bits, type": "16383",
    }
    quality = {name: bicubic_baseline(one).psnr for name, one in images.items()}
    assert quality["14 bits"] == pytest.approx(quality["14 bits, type"], abs=0.01)
    assert quality["type"] - quality["14 bits"] == pytest.approx(20 * np.log10(65_535 / 16_383), abs=0.01)


@pytest.mark.parametrize(
    ("fields", "what"),
    [({"kind": "type", "peak": 16_383}, "peak 16383"), ({"kind": "fixed", "low": 0, "high": 300}, "level 300")],
)
def test_a_range_or_a_peak_beyond_the_images_is_refused(
    tiny_data: Path, tmp_path: Path, fields: dict[str, Any], what: str
) -> None:
    with pytest.raises(InputError, match=f"{what} is beyond the levels of 8-bit images"):
        open_dataset(tiny_data, scale=2, cache=tmp_path / "cache", normalisation=of(**fields))


def test_bicubic_interpolation_keeps_the_mean_count(opened: Any) -> None:
    images = opened().validation
    for index in range(len(images)):
        pair = images.pair(index)
        sr = resize_bicubic(pair.lr, (pair.hr.shape[-2], pair.hr.shape[-1]))
        means = [float(pair.levels.integers(values).double().mean()) for values in (sr, pair.lr)]
        assert means[0] == pytest.approx(means[1], abs=0.5)


def test_an_exact_network_is_exact_by_every_normalisation(opened: Any) -> None:
    for kind in ("type", "percentile", "image"):
        images = opened(normalisation=of(kind=kind)).validation
        truths = iter([images.pair(index).hr for index in range(len(images))])
        assert measure(lambda lr, truths=truths: next(truths), images).psnr == 100
