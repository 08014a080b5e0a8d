"""Videos: their frames as one channel of 8 or 16 bits, and writing frames as a video, by OpenCV with FFmpeg."""

import os
import warnings
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from nas.data.files.limits import check_size
from nas.data.files.unreadable import Pixels, UnreadableImageError
from nas.errors import InputError, RunError
from nas.files import replacing

# FFmpeg's messages don't name the file; the errors raised here do. It reads the variable when it is first used.
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")

VIDEOS = (".avi", ".m4v", ".mkv", ".mov", ".mp4", ".webm")
"""Endings of the videos that can be read, in lower case."""

LOSSLESS = (".avi", ".mkv")
"""Endings of the videos that are written without loss, in 8 or 16 bits (FFV1)."""

WRITTEN_VIDEOS = (*LOSSLESS, ".m4v", ".mov", ".mp4")
"""Endings of the videos that can be written. The others than `LOSSLESS` are MPEG-4 of 8 bits."""

_GRAY8, _GRAY16 = b"Y800", b"Y1\x00\x10"
"""FFmpeg's codes of gray pixel formats. Such frames are read as they are stored."""

_DEEP = range(9, 33)
"""The last byte of the code of a pixel format with more than 8 bits is the number of bits."""

_USUAL_RATE = 25.0
"""Frames a second of a video that doesn't say its rate."""


@dataclass(frozen=True)
class Video:
    """The header of a video."""

    path: Path
    rate: float
    """Frames a second."""
    announced: int
    """Number of frames by the header; 0 if the header doesn't say it."""
    is_deep: bool
    """Whether the frames have 16 bits."""
    is_gray: bool
    """Whether the frames are stored as one channel."""


def is_video(path: Path) -> bool:
    """Tell by its ending whether a file is a video."""
    return path.suffix.lower() in VIDEOS


def open_video(path: Path) -> Video:
    """Read the header of a video and decode its first frame.

    Raises UnreadableImageError for a file that is damaged, is no video or has an unknown codec, and for a video in
    colour with more than 8 bits, whose values OpenCV can't give.
    """
    with _opened(path) as capture:
        code = (int(capture.get(cv2.CAP_PROP_CODEC_PIXEL_FORMAT)) & 0xFFFFFFFF).to_bytes(4, "little")
        if code[3] in _DEEP and code != _GRAY16:
            raise UnreadableImageError(
                path, f"is a video of {code[3]} bits, which is read only as gray16le; convert it to FFV1 in gray16le"
            )
        width, height = (int(capture.get(side)) for side in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT))
        check_size(path, width, height, 3, 1, max(path.stat().st_size, width * height))
        if not capture.read()[0]:
            raise UnreadableImageError(path, "is a video without a frame that can be decoded; it is damaged")
        rate, count = capture.get(cv2.CAP_PROP_FPS), capture.get(cv2.CAP_PROP_FRAME_COUNT)
        return Video(
            path,
            rate if 0 < rate < 1e6 else _USUAL_RATE,
            max(0, int(count)),
            code == _GRAY16,
            code in (_GRAY8, _GRAY16),
        )


def video_frames(video: Video) -> Iterator[Pixels]:
    """Yield the frames: uint8 or uint16 [H, W] of gray videos, else [H, W, 3] as B, G, R. Ends where decoding ends."""
    with _opened(video.path) as capture:
        if video.is_gray:
            capture.set(cv2.CAP_PROP_CONVERT_RGB, 0)
        while True:
            is_read, frame = capture.read()
            if not is_read:
                return
            yield frame


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    try:
        path.open("rb").close()
    except OSError as error:
        raise UnreadableImageError(path, f"can't be read ({error.strerror or error})") from None
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    try:
        if not capture.isOpened():
            raise UnreadableImageError(path, "is damaged, is not a video, or has a codec that FFmpeg doesn't know here")
        yield capture
    finally:
        capture.release()


def check_video_target(path: Path, dtype: np.dtype[Any]) -> None:
    """Raise InputError if a video with this name can't hold frames of this type."""
    if path.suffix.lower() not in WRITTEN_VIDEOS:
        raise InputError(f"{path}: videos are written as {', '.join(WRITTEN_VIDEOS)}, but got {path.suffix!r}.")
    if dtype != np.uint8 and path.suffix.lower() not in LOSSLESS:
        raise InputError(f"{path}: {path.suffix} can't hold 16 bits; use {', '.join(LOSSLESS)}.")


def write_video(path: Path, frames: Iterator[Pixels], rate: float) -> int:
    """Write frames, uint8 or uint16 [H, W], as a video of one channel, and return their number.

    A video has even sizes: the last row and the last column of an odd size are left out. The file appears when all
    frames are written, and not at all if a frame fails. Raises InputError for a name that can't hold the frames;
    RunError if the file can't be written.
    """
    first = next(frames)
    check_video_target(path, first.dtype)
    height, width = (side - side % 2 for side in first.shape)
    if (height, width) != first.shape:
        warnings.warn(f"{path} is {width}x{height} pixels, since videos have even sizes; .tif keeps all", stacklevel=3)
    with replacing(path) as temporary:
        # FFmpeg chooses the container by the ending.
        unfinished = temporary.with_name(temporary.name + path.suffix.lower())
        try:
            with closing(_Writer(path, unfinished, first.dtype, (width, height), rate)) as writer:
                writer.write(first[:height, :width])
                for frame in frames:
                    writer.write(frame[:height, :width])
            _check_written(path, unfinished, writer.count)
            unfinished.replace(temporary)
        finally:
            with suppress(OSError):
                unfinished.unlink(missing_ok=True)
    return writer.count


class _Writer:
    """Writes a video to a file that will get another name."""

    def __init__(self, path: Path, file: Path, dtype: np.dtype[Any], size: tuple[int, int], rate: float) -> None:
        codec = "FFV1" if file.suffix in LOSSLESS else "mp4v"
        depth = cv2.CV_8U if dtype == np.uint8 else cv2.CV_16U
        options = [cv2.VIDEOWRITER_PROP_IS_COLOR, 0, cv2.VIDEOWRITER_PROP_DEPTH, depth]
        code = cv2.VideoWriter.fourcc(*codec)
        self._writer = cv2.VideoWriter(str(file), cv2.CAP_FFMPEG, code, rate, size, options)
        self.count = 0
        if not self._writer.isOpened():
            raise RunError(
                f"{path} can't be written: FFmpeg doesn't write {size[0]}x{size[1]} pixels at {rate:g} frames/s as "
                f"{codec} here; name a {' or '.join(LOSSLESS)} or .tif file."
            )

    def write(self, frame: Pixels) -> None:
        self._writer.write(np.ascontiguousarray(frame))
        self.count += 1

    def close(self) -> None:
        self._writer.release()


def _check_written(path: Path, file: Path, count: int) -> None:
    """Raise RunError if a written video lacks frames: OpenCV doesn't say that the disk is full."""
    capture = cv2.VideoCapture(str(file), cv2.CAP_FFMPEG)
    try:
        found = int(capture.get(cv2.CAP_PROP_FRAME_COUNT)) if capture.isOpened() else 0
    finally:
        capture.release()
    if found < count:
        raise RunError(f"{path} can't be written: {found} of {count} frames are in the file; the disk may be full.")
