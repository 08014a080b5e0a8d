import json
from pathlib import Path

import pytest

from nas.data.dataset import open_images
from nas.data.image_set import ImageSet
from nas.data.opening import Denoiser
from nas.errors import InputError
from nas.metrics import Protocol


def test_a_protocol_says_what_was_measured_and_survives_json(images: ImageSet) -> None:
    protocol = Protocol.of(images, crop=64)
    assert protocol == Protocol(images.fingerprint, "bicubic", 2, shave=2, crop=64)
    assert Protocol.from_dict(json.loads(json.dumps(protocol.to_dict()))) == protocol
    assert protocol != Protocol.of(images)
    line = protocol.describe()
    assert "\n" not in line
    assert f"data {images.fingerprint}, bicubic x2, gray, shave 2, integer rounding" in line
    assert "centre 64 x 64" in line


def test_the_denoiser_belongs_to_the_protocol(tiny_data: Path, tmp_path: Path, images: ImageSet) -> None:
    denoiser = Denoiser("abc", lambda lr: lr)
    protocol = Protocol.of(open_images(tiny_data / "val", scale=2, cache=tmp_path / "cache", denoiser=denoiser))
    assert protocol != Protocol.of(images)
    assert protocol.to_dict() == Protocol.of(images).to_dict() | {"denoiser": "abc"}
    assert Protocol.from_dict(protocol.to_dict()) == protocol
    assert "bicubic x2 denoised by abc, gray" in protocol.describe()


@pytest.mark.parametrize("values", [{}, {"data": "a", "degradation": "b", "scale": 2, "shave": 2, "colour": "red"}])
def test_a_wrong_protocol_is_refused(values: dict[str, object]) -> None:
    with pytest.raises(InputError, match="not a measuring protocol"):
        Protocol.from_dict(values)


def test_what_is_not_customary_is_named(images: ImageSet) -> None:
    protocol = Protocol.of(images, shave=8, self_ensemble=True)
    assert protocol != Protocol.of(images, shave=8)
    assert protocol.to_dict()["self_ensemble"] is True
    assert "self_ensemble" not in Protocol.of(images).to_dict()
    assert Protocol.from_dict(protocol.to_dict()) == protocol
    assert "shave 8" in protocol.describe()
    assert protocol.describe().endswith("whole images, self-ensemble of 8")
