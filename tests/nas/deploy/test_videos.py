"""Videos are upscaled frame by frame: rate, depth and number of frames stay, and no half file appears."""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import tifffile
from command import run_nas

import nas
from nas.data.files.video import open_video, video_frames, write_video
from nas.data.images import Pixels, read_image, video_luma
from nas.deploy.upscale import upscale_files
from nas.deploy.upscaler import Upscaler
from nas.errors import InputError, RunError
from nas.model import Model

RATE = 30000 / 1001


@pytest.fixture(scope="module")
def model(make_model: Callable[..., Model]) -> Model:
    return make_model("espcn/ESPCN", image_skip=True)


@pytest.fixture(scope="module")
def frames(shared_tiny_data: Path) -> list[Pixels]:
    return [read_image(path) for path in sorted(shared_tiny_data.rglob("*.png"))]


def encode(path: Path, frames: list[Pixels], codec: str, *, colour: bool = True) -> Path:
    """Write a video as a camera does: in colour, although it is gray."""
    size, kind = (frames[0].shape[1], frames[0].shape[0]), cv2.VideoWriter.fourcc(*codec)
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, kind, RATE, size, colour)
    for frame in frames:
        writer.write(cv2.cvtColor(frame, cv2.COLOR_GRAY2BGR) if colour and frame.ndim == 2 else frame)
    writer.release()
    return path


def decode(path: Path) -> list[Pixels]:
    return [frame if frame.ndim == 2 else video_luma(frame, path) for frame in video_frames(open_video(path))]


@pytest.mark.parametrize(
    ("name", "codec"), [("a.avi", "FFV1"), ("a.mkv", "FFV1"), ("a.avi", "MJPG"), ("a.mp4", "mp4v")]
)
def test_a_video_keeps_its_rate_and_its_frames(
    model: Model, frames: list[Pixels], tmp_path: Path, name: str, codec: str
) -> None:
    calls: list[tuple[int, int]] = []
    source = encode(tmp_path / name, frames, codec)
    done = upscale_files(model, source, tmp_path / f"o{name}", progress=lambda *n: calls.append(n))
    written = open_video(tmp_path / f"o{name}")
    assert (written.announced, written.rate) == (6, pytest.approx(RATE, rel=1e-5))
    assert calls == [(number, 6) for number in range(1, 7)]
    assert done.throughput.images == 6
    assert done.throughput.megapixels == pytest.approx(6 * 4 * frames[0].size / 1e6)
    upscaler, loss = Upscaler(model), 0 if name != "a.mp4" else 24
    for small, large in zip(decode(source), decode(tmp_path / f"o{name}"), strict=True):
        difference = np.abs(upscaler(small).astype(int) - large)
        assert np.percentile(difference, 99) <= loss
        assert loss or difference.max() == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == [name, f"o{name}"]


@pytest.mark.parametrize("target", ["o.mkv", "o.avi", "o.tif"])
def test_sixteen_bits_of_a_video_stay(model: Model, frames: list[Pixels], tmp_path: Path, target: str) -> None:
    deep = [frame.astype(np.uint16) * 9 + 14_000 for frame in frames]
    assert write_video(tmp_path / "in.mkv", iter(deep), 9.0) == 6
    assert all(np.array_equal(*pair) for pair in zip(decode(tmp_path / "in.mkv"), deep, strict=True))
    upscale_files(model, tmp_path / "in.mkv", tmp_path / target)
    found = decode(tmp_path / target) if target != "o.tif" else tifffile.imread(tmp_path / target)
    assert np.array_equal(np.stack(list(found)), np.stack([Upscaler(model)(frame) for frame in deep]))
    with pytest.raises(InputError, match=r"o\.mp4: \.mp4 can't hold 16 bits; use \.avi, \.mkv\."):
        upscale_files(model, tmp_path / "in.mkv", tmp_path / "o.mp4")


def test_colours_of_a_video_become_luma(model: Model, frames: list[Pixels], tmp_path: Path) -> None:
    coloured = [cv2.applyColorMap(frame, cv2.COLORMAP_INFERNO) for frame in frames]
    upscale_files(model, encode(tmp_path / "c.avi", coloured, "FFV1"), tmp_path / "o.avi")
    expected = [Upscaler(model)(cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY)) for frame in coloured]
    assert np.array_equal(np.stack(decode(tmp_path / "o.avi")), np.stack(expected))


def test_a_video_of_odd_size_is_written_without_its_last_row_and_column(
    make_model: Callable[..., Model], frames: list[Pixels], tmp_path: Path
) -> None:
    triple = make_model("espcn/ESPCN", 3)
    small = [frame[:31, :33] for frame in frames]
    write = tifffile.imwrite
    write(tmp_path / "in.tif", np.stack(small), photometric="minisblack")
    source = tmp_path / "in.avi"
    write_video(source, (np.ascontiguousarray(frame) for frame in small), 25)
    assert decode(source)[0].shape == (30, 32)
    with pytest.warns(UserWarning, match="videos have even sizes"):
        write_video(tmp_path / "o.avi", iter([Upscaler(triple)(small[0])]), 25)


def test_a_video_that_ends_early_is_upscaled_as_far_as_it_goes_and_it_is_said(
    model: Model, frames: list[Pixels], tmp_path: Path
) -> None:
    source = encode(tmp_path / "in.avi", frames * 5, "MJPG")
    whole = source.read_bytes()
    source.write_bytes(whole[: len(whole) * 6 // 10])
    announced, present = open_video(source).announced, len(decode(source))
    if announced > present:
        with pytest.warns(UserWarning, match=rf"in\.avi ends after {present} of {announced} frames"):
            upscale_files(model, source, tmp_path / "out.avi")
    else:
        upscale_files(model, source, tmp_path / "out.avi")
    assert 0 < present < 30
    assert len(decode(tmp_path / "out.avi")) == present


def damaged(path: Path, frames: list[Pixels], kind: str) -> None:
    if kind == "empty":
        path.write_bytes(b"")
    elif kind == "text":
        path.write_text("no video\n" * 99)
    elif kind == "header":
        path.write_bytes(encode(path, frames, "mp4v").read_bytes()[:300])
    else:  # a codec that nobody has
        data = encode(path.with_suffix(".avi"), frames, "MJPG").read_bytes()
        path.with_suffix(".avi").rename(path)
        path.write_bytes(data.replace(b"MJPG", b"QQQQ"))


@pytest.mark.parametrize("kind", ["empty", "text", "header", "codec"])
def test_a_damaged_video_is_one_sentence_before_anything_is_written(
    model: Model, frames: list[Pixels], tmp_path: Path, kind: str
) -> None:
    damaged(tmp_path / "in.mp4", frames, kind)
    model.save(tmp_path / "model")
    ended = run_nas(tmp_path, "upscale", "model", "in.mp4", "new/out.mp4")
    assert (ended.code, ended.error.partition(" ")[0]) == (2, "in.mp4")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.mp4", "model"]


def test_a_target_that_cannot_be_written_is_one_sentence_before_anything_is_written(
    model: Model, frames: list[Pixels], tmp_path: Path
) -> None:
    source = encode(tmp_path / "in.avi", frames, "MJPG")
    (tmp_path / "file").write_text("")
    (tmp_path / "old.avi").write_text("precious")
    before = sorted(tmp_path.iterdir())
    for target, reason in [
        ("o.png", "videos are written as"),
        ("o.webm", "videos are written as"),
        ("o", "videos are written as"),
        ("file/o.avi", "file is a file"),
        ("old.avi", "give --overwrite"),
    ]:
        with pytest.raises(InputError, match=reason):
            upscale_files(model, source, tmp_path / target)
    assert sorted(tmp_path.iterdir()) == before


def test_a_disk_that_is_full_is_noticed(tmp_path: Path, frames: list[Pixels], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nas.data.files.video._Writer.close", lambda self: None)  # so that the file is not finished
    with pytest.raises(
        RunError, match=r"out\.mp4 can't be written: 0 of 6 frames are in the file; the disk may be full"
    ):
        write_video(tmp_path / "out.mp4", iter(frames), 25)
    assert not list(tmp_path.iterdir())


def test_ctrl_c_leaves_no_half_video(model: Model, frames: list[Pixels], tmp_path: Path) -> None:
    encode(tmp_path / "in.avi", frames, "MJPG")
    model.save(tmp_path / "model")

    def interrupt(event: Any) -> None:
        if event.done == 3:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        nas.load(tmp_path / "model").upscale_files(tmp_path / "in.avi", tmp_path / "o.avi", callback=interrupt)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.avi", "model"]


def test_videos_of_a_pattern_and_of_the_python_api(model: Model, frames: list[Pixels], tmp_path: Path) -> None:
    model.save(tmp_path / "model")
    encode(tmp_path / "a.avi", frames, "MJPG")
    encode(tmp_path / "b.mp4", frames[:2], "mp4v")
    ended = run_nas(tmp_path, "upscale", "model", "*.*", "out")
    assert ended.out.startswith("Wrote 2 images to out\nUpscaled 8 images in ")
    assert [len(decode(tmp_path / "out" / name)) for name in ("a.avi", "b.mp4")] == [6, 2]
    found = nas.load(tmp_path / "model").upscale(tmp_path / "a.avi")
    assert np.array_equal(found, np.stack(decode(tmp_path / "out" / "a.avi")))
