from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from nas.errors import InputError
from nas.features import CLASSIFIERS
from nas.metrics import Metric, select_metrics
from nas.metrics.perceptual import load_lpips

from .conftest import blurred, noisy, pattern

torchmetrics_lpips = pytest.importorskip("torchmetrics.functional.image.lpips")

Save = Callable[[str], Path]


@pytest.fixture
def save(tmp_path: Path) -> Save:
    """Return a function that writes random weights of a classifier."""

    def saved(name: str) -> Path:
        torch.manual_seed(1)
        state = nn.Sequential(*CLASSIFIERS[name]().values()).state_dict()
        torch.save({f"features.{key}": tensor for key, tensor in state.items()}, tmp_path / f"{name}.pth")
        return tmp_path / f"{name}.pth"

    return saved


@pytest.mark.parametrize(("name", "short"), [("alexnet", "alex"), ("squeezenet1_1", "squeeze"), ("vgg16", "vgg")])
def test_it_equals_torchmetrics_with_the_same_classifier(
    name: str, short: str, save: Save, monkeypatch: pytest.MonkeyPatch
) -> None:
    # torchmetrics takes its classifier from torchvision, which need not be there: it gets the one of the same layout.
    layers = nn.Sequential(*CLASSIFIERS[name]().values())
    file = save(name)
    state = torch.load(file)
    layers.load_state_dict({key.removeprefix("features."): tensor for key, tensor in state.items()})
    monkeypatch.setattr(torchmetrics_lpips, "_get_tv_model_features", lambda *_: layers)
    hr = pattern(64, 70)
    sr = torch.cat([noisy(hr, 20), blurred(hr), hr])
    hr = hr.expand_as(sr)
    theirs = torchmetrics_lpips._LPIPS(net=short)
    expected = theirs(*((image / 255).float().expand(-1, 3, -1, -1) for image in (sr, hr)), normalize=True).flatten()
    found = load_lpips(file).compute(sr, hr, 255)
    torch.testing.assert_close(found.float(), expected.detach(), rtol=1e-3, atol=1e-7)
    assert found[0] > 0 and found[1] > 0 and found[2] == 0


def test_the_peak_is_the_white_of_the_photographs(save: Save) -> None:
    metric = load_lpips(save("squeezenet1_1"))
    hr = pattern(48, 48)
    sr = noisy(hr, 20)
    torch.testing.assert_close(metric.compute(257 * sr, 257 * hr, 65535), metric.compute(sr, hr, 255))


def test_levels_beyond_the_peak_are_moved_down_to_it(save: Save) -> None:
    # Counts of a sensor lie far from zero, and the peak is the range that they use.
    metric = load_lpips(save("squeezenet1_1"))
    hr = pattern(48, 48) - pattern(48, 48).min()
    sr = noisy(hr, 20)
    torch.testing.assert_close(metric.compute(sr + 20_000, hr + 20_000, 255), metric.compute(sr, hr, 255))


def test_without_its_weights_it_says_so_and_is_left_out(tmp_path: Path) -> None:
    metrics, left_out = select_metrics(["psnr", "lpips"])
    assert [metric.name for metric in metrics] == ["psnr"]
    assert len(left_out) == 1
    assert left_out[0].startswith("LPIPS is left out: it needs a file of AlexNet's, VGG-16's or SqueezeNet's weights")
    metrics, left_out = select_metrics(["psnr", "lpips"], {"lpips": tmp_path / "gone.pth"})
    assert left_out == (f"LPIPS is left out: there is no file '{tmp_path / 'gone.pth'}' with its weights.",)


def test_with_its_weights_it_is_a_metric_that_names_its_classifier(save: Save) -> None:
    metrics, left_out = select_metrics(["lpips"], {"lpips": save("squeezenet1_1")})
    assert left_out == ()
    assert isinstance(metrics[0], Metric)
    assert (metrics[0].label, metrics[0].higher_is_better) == ("LPIPS (squeezenet1_1)", False)


def test_a_classifier_that_it_is_not_fitted_to_is_refused(tmp_path: Path) -> None:
    with torch.device("meta"):
        shapes = nn.Sequential(*CLASSIFIERS["vgg19"]().values()).state_dict()
    # Bytes instead of floats: a fourth of the file.
    torch.save(
        {f"features.{key}": torch.zeros(t.shape, dtype=torch.uint8) for key, t in shapes.items()},
        tmp_path / "vgg19.pth",
    )
    with pytest.raises(InputError, match=r"vgg19\.pth holds vgg19, but LPIPS is fitted only to alexnet, vgg16"):
        load_lpips(tmp_path / "vgg19.pth")
