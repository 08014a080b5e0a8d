import math
import textwrap
from pathlib import Path

import pytest
import torch

from nas.data.image_set import ImageSet
from nas.errors import InputError
from nas.metrics import METRICS, Metric, measure, metric, select_metrics
from search_spaces import UnknownNameError, load_plugin

from .conftest import noisy, pattern

EVERY = ("edge-psnr", "mae", "ms-ssim", "mse", "psnr", "psnr-hvs", "psnr-hvs-m", "ssim")


def test_all_metrics_are_known_by_name() -> None:
    assert set(METRICS.names()) >= {*EVERY, "lpips"}


@pytest.mark.parametrize("name", EVERY)
def test_every_metric_tells_a_better_image_from_a_worse_one(name: str) -> None:
    metric = select_metrics([name])[0][0]
    side = max(metric.least_side, 24)
    hr = pattern(side, side + 3)
    figures = metric.compute(torch.cat([noisy(hr, 3), noisy(hr, 30)]), hr.expand(2, -1, -1, -1), 255)
    assert figures.shape == (2,)
    better, worse = figures.tolist()
    assert (better > worse) == metric.higher_is_better
    equal = metric.compute(hr, hr, 255).clamp(max=metric.limit).item()
    assert math.isfinite(equal)
    assert equal >= better if metric.higher_is_better else equal == 0


def test_an_unknown_metric_is_named_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="no metric named 'msssim'; did you mean 'ms-ssim'"):
        select_metrics(["psnr", "msssim"])


def test_each_metric_is_taken_once() -> None:
    assert [m.name for m in select_metrics(["ssim", "psnr", "ssim"])[0]] == ["ssim", "psnr"]


def test_nothing_to_measure_is_refused() -> None:
    with pytest.raises(InputError, match="No metric is named"):
        select_metrics([])
    with pytest.raises(InputError, match="LPIPS is left out"):
        select_metrics(["lpips"])


def test_a_name_is_given_once() -> None:
    with pytest.raises(ValueError, match="'psnr' is registered twice"):
        metric("psnr", label="other")(lambda sr, hr, peak: sr.mean())


def test_a_plugin_adds_a_metric(tmp_path: Path, images: ImageSet, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine.py").write_text(
        textwrap.dedent("""
        from nas.metrics import metric

        @metric("worst", label="worst pixel", unit="levels", higher_is_better=False)
        def worst(sr, hr, peak):
            return (sr - hr).abs().amax((1, 2, 3))
        """)
    )
    METRICS.names()  # so that the others are loaded before
    monkeypatch.setattr(METRICS, "_members", dict(METRICS._members))
    load_plugin(tmp_path / "mine.py")
    result = measure(lambda lr: torch.zeros(1, 1, 80, 96), images, ["worst"])
    brightest = max(images.pair(i).hr[..., 2:-2, 2:-2].max().item() * 255 for i in range(2))
    assert max(figures["worst"] for _, figures in result.per_image) == pytest.approx(brightest)
    found = METRICS.get("worst")
    assert isinstance(found, Metric) and not found.higher_is_better
