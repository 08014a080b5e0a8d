import importlib.util
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from nas.convert.importing import import_checkpoint
from nas.convert.third_party import _import_spandrel
from nas.data.dataset import Dataset
from nas.errors import InputError
from nas.evaluation.comparison import Evaluation, compare
from nas.evaluation.conditions import Conditions
from nas.evaluation.contestant import Contestant, load_contestant
from nas.metrics import Protocol, bicubic_baseline, enlarge, measure, self_ensemble
from nas.model import Model
from search_spaces import Architecture, UnknownNameError

CPU = torch.device("cpu")

Save = Callable[..., Path]


@pytest.fixture
def save(tmp_path: Path) -> Save:
    def saved(name: str, scale: int = 2, *, image_skip: bool = True, **recipe: str) -> Path:
        architecture = Architecture.published("moremnas/MoreMNAS-C", scale).replaced(image_skip=image_skip)
        torch.manual_seed(0)
        Model(architecture, architecture.build(), recipe, {}).save(tmp_path / name)
        return tmp_path / name

    return saved


@pytest.fixture
def run(tiny_data: Path, tmp_path: Path) -> Callable[..., Evaluation]:
    """Return a function that compares model directories on the validation images."""

    def run(
        *folders: Path, conditions: Conditions | None = None, progress: Callable[[int, int], None] | None = None
    ) -> Evaluation:
        contestants = [load_contestant(str(folder), folder) for folder in folders]
        return compare(contestants, tiny_data / "val", tmp_path / "cache", CPU, conditions, progress)

    return run


def test_models_are_compared_with_bicubic_by_one_protocol(
    save: Save, run: Callable[..., Evaluation], data: Dataset
) -> None:
    folders = [save("skip"), save("plain", image_skip=False)]
    found = run(*folders)
    assert [name for name, _ in found.rows] == ["bicubic", *map(str, folders)]
    assert found.protocol == Protocol.of(data.validation)
    assert found.rows[1][1] == measure(load_contestant("", folders[0]).network, data.validation)
    assert found.rows[0][1] == bicubic_baseline(data.validation)
    assert found.rows[1][1].psnr > found.rows[2][1].psnr  # untrained: bicubic interpolation against noise
    assert [name for name, _ in found.rows[1][1].per_image] == list(data.validation.names)
    assert found.notes == ()
    assert found.pictured == {}


def test_progress_counts_the_images_of_each_model(save: Save, run: Callable[..., Evaluation]) -> None:
    seen: list[tuple[int, int]] = []
    run(save("a"), save("b"), progress=lambda done, total: seen.append((done, total)))
    assert seen == 2 * [(1, 2), (2, 2)]


def test_bicubic_is_measured_alone_at_any_scale(run: Callable[..., Evaluation]) -> None:
    assert [run(conditions=Conditions(scale=scale)).protocol.scale for scale in (None, 3)] == [2, 3]


def test_a_peak_holds_for_bicubic_alone_too(run: Callable[..., Evaluation], data: Dataset) -> None:
    usual, half = run(), run(conditions=Conditions(peak=127.5))
    assert half.protocol.peak == "127.5"
    assert half.rows[0][1].psnr == pytest.approx(usual.rows[0][1].psnr - 20 * math.log10(2), abs=1e-4)


@pytest.mark.parametrize("peak", [0.0, -5.0, math.nan, math.inf, 65536.0])
@pytest.mark.parametrize("names", [[], ["skip"]])
def test_a_peak_that_is_none(save: Save, run: Callable[..., Evaluation], peak: float, names: list[str]) -> None:
    with pytest.raises(InputError, match=f"peak of PSNR must be above 0 and at most 65535, not {peak:g}"):
        run(*(save(name) for name in names), conditions=Conditions(peak=peak))


def test_an_image_that_can_not_be_read_is_left_out_when_asked(run: Callable[..., Evaluation], tiny_data: Path) -> None:
    broken = next((tiny_data / "val").iterdir())
    broken.write_bytes(broken.read_bytes()[:100])
    with pytest.raises(InputError, match=broken.name):
        run()
    with pytest.warns(UserWarning, match=f"left out 1 of the all set .*{broken.name}"):
        found = run(conditions=Conditions(skip_bad=True))
    assert len(found.rows[0][1].per_image) == 1


def test_what_is_asked_for_is_measured(save: Save, run: Callable[..., Evaluation], data: Dataset) -> None:
    folder = save("skip")
    found = run(folder, conditions=Conditions(metrics=("psnr-hvs", "mae"), shave=6))
    assert found.protocol == Protocol.of(data.validation, shave=6)
    assert [metric.name for metric in found.metrics] == ["psnr-hvs", "mae"]
    network = load_contestant("", folder).network
    assert found.rows[1][1] == measure(network, data.validation, ["psnr-hvs", "mae"], shave=6)


def test_a_self_ensemble_is_made_when_asked_for_and_named(
    save: Save, run: Callable[..., Evaluation], data: Dataset
) -> None:
    folder = save("plain", image_skip=False)
    found = run(folder, conditions=Conditions(self_ensemble=True))
    assert found.protocol == Protocol.of(data.validation, self_ensemble=True)
    assert [name for name, _ in found.rows] == ["bicubic", f"{folder} (self-ensemble)"]
    assert found.rows[0][1] == bicubic_baseline(data.validation)
    network = load_contestant("", folder).network
    assert found.rows[1][1] == measure(self_ensemble(network), data.validation)
    assert found.rows[1][1] != measure(network, data.validation)


def test_the_self_ensemble_is_the_mean_over_the_eight_symmetries() -> None:
    # What depends on the direction alone has the same mean for every direction, and what doesn't is left alone.
    image = torch.rand(2, 1, 5, 7)
    assert torch.allclose(self_ensemble(lambda lr: lr)(image), image, atol=1e-6)
    ramp = self_ensemble(lambda lr: lr + torch.arange(lr.shape[-1]) - (lr.shape[-1] - 1) / 2)(image)
    assert torch.allclose(ramp, image, atol=1e-6)
    seen: list[tuple[int, ...]] = []
    self_ensemble(lambda lr: seen.append(tuple(lr.flatten().tolist())) or lr)(torch.arange(6.0).view(1, 1, 2, 3))
    assert len(set(seen)) == 8


def test_coloured_images_are_measured_in_the_literatures_luma(save: Save, tmp_path: Path) -> None:
    colours = np.random.default_rng(0).integers(0, 256, (16, 20, 3), np.uint8)
    (tmp_path / "colour").mkdir()
    cv2.imwrite(str(tmp_path / "colour" / "a.png"), cv2.resize(colours, (80, 64), interpolation=cv2.INTER_CUBIC))
    rows = {}
    for channel in ("gray", "y"):
        found = compare([], tmp_path / "colour", tmp_path / "cache", CPU, Conditions(channel=channel))
        assert found.protocol.channel == channel
        rows[channel] = found.rows[0][1].psnr
    # The same image in 220 instead of 256 levels.
    assert rows["y"] - rows["gray"] == pytest.approx(20 * math.log10(255 / 219), abs=0.1)


# Luma in the range of the training


class Brighter(torch.nn.Module):
    """Enlarges, and adds a tenth of the range."""

    def __init__(self, added: float) -> None:
        super().__init__()
        self.added = added

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return enlarge(2)(image) + self.added


@pytest.fixture
def colours(tmp_path: Path) -> Path:
    """Three images in colour."""
    (tmp_path / "colour").mkdir()
    for index in range(3):
        small = np.random.default_rng(index).integers(40, 200, (16, 20, 3), np.uint8)
        large = cv2.resize(small, (80, 64), interpolation=cv2.INTER_CUBIC)
        cv2.imwrite(str(tmp_path / "colour" / f"{index}.png"), large)
    return tmp_path / "colour"


def in_luma(folder: Path, *contestants: Contestant) -> Evaluation:
    return compare(contestants, folder, folder.parent / "cache", CPU, Conditions(channel="y", crops=1))


def test_interpolation_measures_the_same_in_either_range_of_luma(colours: Path) -> None:
    full, studio = (Contestant(luma, Brighter(0.0), 2, luma=luma) for luma in ("full", "studio"))
    found = in_luma(colours, full, studio)
    rows = {name: measured.psnr for name, measured in found.rows}
    assert rows["full"] == pytest.approx(rows["studio"], abs=1e-3) == pytest.approx(rows["bicubic"], abs=1e-3)
    assert found.protocol.peak == "integer range"
    assert found.notes == (
        "full sees luma in full range, as in its training; its results are measured in 16..235.",
        "studio sees luma in 16..235, as in its training.",
    )


def test_what_a_network_adds_is_of_the_range_that_it_was_trained_on(colours: Path) -> None:
    added = {"full": 0.1 * 219, "studio": 0.1 * 255}
    rows = dict(in_luma(colours, *(Contestant(luma, Brighter(0.1), 2, luma=luma) for luma in added)).rows)
    for luma, levels in added.items():
        bicubic = 255**2 / 10 ** (rows["bicubic"].psnr / 10)
        assert rows[luma].psnr == pytest.approx(10 * math.log10(255**2 / (levels**2 + bicubic)), abs=0.1)


def test_files_of_one_channel_are_seen_as_they_are(colours: Path) -> None:
    for path in colours.iterdir():
        cv2.imwrite(str(path), cv2.imread(str(path), cv2.IMREAD_GRAYSCALE))
    rows = dict(in_luma(colours, *(Contestant(luma, Brighter(0.1), 2, luma=luma) for luma in ("full", "studio"))).rows)
    assert rows["full"] == rows["studio"]


def test_an_imported_network_is_fed_the_range_of_its_authors_and_ours_the_full_one(
    colours: Path, tmp_path: Path, save: Save
) -> None:
    torch.manual_seed(0)
    notes = {}
    for point in ("falsr/FALSR-B", "srcnn/SRCNN"):
        torch.save(Architecture.published(point).build().state_dict(), tmp_path / "net.pth")
        folder = tmp_path / point.partition("/")[2]
        import_checkpoint(point, tmp_path / "net.pth", folder)
        notes[point] = in_luma(colours, load_contestant("theirs", folder)).notes
    assert "theirs sees luma in full range" in notes["falsr/FALSR-B"][0]
    assert "theirs sees luma in 16..235" in notes["srcnn/SRCNN"][0]
    ours = load_contestant("ours", save("ours", image_skip=False, degradation="bicubic"))
    assert "ours sees luma in full range" in in_luma(colours, ours).notes[0]
    assert in_luma(colours, replace(ours, luma="studio")).rows[1][1] != in_luma(colours, ours).rows[1][1]


def test_a_metric_without_its_weights_is_left_out_with_a_note(save: Save, run: Callable[..., Evaluation]) -> None:
    found = run(save("skip"), conditions=Conditions(metrics=("psnr", "lpips")))
    assert set(found.rows[1][1].means) == {"psnr"}
    assert len(found.notes) == 1 and found.notes[0].startswith("LPIPS is left out: ")


def test_an_unknown_metric_or_channel_is_refused(run: Callable[..., Evaluation]) -> None:
    with pytest.raises(UnknownNameError, match="no metric named 'sim'; did you mean 'ssim'"):
        run(conditions=Conditions(metrics=("sim",)))
    with pytest.raises(InputError, match="no channel named 'luma'"):
        run(conditions=Conditions(channel="luma"))


def test_models_of_different_scales_are_not_compared(save: Save, run: Callable[..., Evaluation]) -> None:
    with pytest.raises(InputError, match=r"different scales \(2, 3\); evaluate them in separate commands"):
        run(save("two"), save("three", 3))
    with pytest.raises(InputError, match=r"different scales \(2, 4\); evaluate them in separate commands"):
        run(save("two"), conditions=Conditions(scale=4))


def test_models_that_were_trained_on_different_images_need_a_degradation(
    save: Save, run: Callable[..., Evaluation]
) -> None:
    folders = [save("clean", degradation="bicubic"), save("noisy", degradation="noise")]
    with pytest.raises(InputError, match=r"different degradations \(bicubic, noise\); name one by --degradation, or"):
        run(*folders)
    assert run(*folders, conditions=Conditions(degradation="noise")).protocol.degradation == "noise"


def test_what_is_no_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no model directory '.*gone'"):
        load_contestant("gone", tmp_path / "gone")


def test_a_colour_network_is_not_measured_on_infrared_images(tmp_path: Path) -> None:
    architecture = Architecture.published("espcn/ESPCN", channels=3)
    Model(architecture, architecture.build(), {}, {}).save(tmp_path / "colour")
    with pytest.raises(InputError, match=r"have one channel, but colour takes 3; .* --to-gray"):
        load_contestant("colour", tmp_path / "colour")


@pytest.mark.skipif(not importlib.util.find_spec("spandrel"), reason="spandrel is not installed")
def test_a_network_of_others_is_measured_beside_ours(save: Save, tmp_path: Path, tiny_data: Path) -> None:
    _import_spandrel()
    from spandrel.architectures.Compact import Compact

    torch.manual_seed(0)
    torch.save(Compact(num_feat=4, num_conv=1, upscale=2).state_dict(), tmp_path / "theirs.pth")
    ours = save("ours", degradation="noise")
    contestants = [load_contestant("theirs", tmp_path / "theirs.pth"), load_contestant("ours", ours)]
    found = compare(contestants, tiny_data / "val", tmp_path / "cache", CPU)
    assert [name for name, _ in found.rows] == ["bicubic", "theirs", "ours"]
    assert found.protocol.degradation == "noise"  # of theirs nobody knows
    assert found.notes == ("theirs: RealESRGAN Compact x2, gray in each of three channels and the mean of its output.",)


def test_each_networks_best_and_worst_crops_are_pictured_in_all_networks(
    save: Save, run: Callable[..., Evaluation]
) -> None:
    folders = [save("skip"), save("plain", image_skip=False)]
    found = run(*folders, conditions=Conditions(crops=1))
    assert list(found.pictured) == [str(folder) for folder in folders]
    for pictured in found.pictured.values():
        assert {one.is_gain for one in pictured} == {True, False}
        for one in pictured:
            assert list(one.panels) == ["bicubic", *map(str, folders)]
            assert one.panels["bicubic"].pixels.shape == one.hr.shape
            assert one.lr.shape == (one.hr.shape[0] // 2, one.hr.shape[1] // 2)
    gains = [one.crop.gain for one in found.pictured[str(folders[1])]]
    assert gains == sorted(gains, reverse=True) and gains[0] < 0  # noise gains nowhere


def test_contestants_need_no_model_directory(data: Dataset, tiny_data: Path, tmp_path: Path) -> None:
    network = torch.nn.Upsample(scale_factor=2)
    found = compare([Contestant("nearest", network, 2)], tiny_data / "val", tmp_path / "cache", CPU)
    assert found.rows[1] == ("nearest", measure(network, data.validation))
