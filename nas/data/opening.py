"""Opening the images of one part of a folder: they are read, checked, degraded and kept decoded in the cache."""

import hashlib
import json
import os
import shutil
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from threading import Lock

from nas.data.cache import Item, open_store
from nas.data.contents import Stamp, digests_of, stamp_of
from nas.data.degradation import (
    Degradation,
    Description,
    Pipeline,
    get_degradation,
    low_resolution,
    name_of,
    read_low_resolution,
)
from nas.data.frames import Frame
from nas.data.image_set import ImageSet
from nas.data.images import Pixels, read_image, read_luma
from nas.data.listing import Listing
from nas.data.store import Store
from nas.errors import InputError

CHANNELS: Mapping[str, Callable[[Frame], Pixels]] = {"gray": read_image, "y": read_luma}
"""How files become one channel: as gray, or as the luma Y of the literature (differs for coloured files)."""

GIVEN = "given LR"
"""The label of LR images whose folder doesn't name a degradation."""

_READING = 2
"""The version of reading. Count it up when files are read as other pixels than before: cached images are made anew."""

_Make = Callable[[Pixels, int], Pixels]
"""(HR image, scale) → LR image."""


@dataclass(frozen=True)
class Denoiser:
    """A denoiser that LR images pass before a network sees them."""

    digest: str
    """Identifies what `run` computes. Cached images and measurements of another denoiser are never taken for its."""
    run: Callable[[Pixels], Pixels]
    """LR image → denoised image of the same size and type. Only one thread calls it at a time."""


@dataclass(frozen=True)
class Opener:
    """Opens the parts of a folder as image sets; for the fields see `nas.data.dataset.open_dataset`."""

    folder: Path
    scale: int
    degradation: Description
    denoiser: Denoiser | None
    cache: Path
    skip_bad: bool
    tick: Callable[[int], None]
    channel: str = "gray"

    def open(self, listing: Listing, part: str, min_lr_side: int) -> ImageSet:
        """Return the usable images of a part; images need `min_lr_side` LR pixels on each side.

        Raises InputError for the first bad file, or with `skip_bad` only if no image is left.
        """
        given = any(source.lr for source in listing.sources)
        maker = None if given else get_degradation(self.degradation)
        self._check_scale(maker)
        left_out = list(listing.unpaired)
        self._refuse(left_out)
        hr = self._open_hr(listing, part)
        left_out += [*hr.bad, *self._too_small(hr, max(min_lr_side, 1))]
        self._refuse(left_out)
        hr = _without(hr, left_out)
        lr = self._open_lr(hr, listing, maker)
        left_out += lr.bad
        self._refuse(left_out)
        hr = _without(hr, left_out)
        if not hr.images:
            raise InputError(f"{self.folder} has no usable image for the {part} set{_reasons(left_out)}.")
        if left_out:
            warnings.warn(
                f"{self.folder}: left out {len(left_out)} of the {part} set{_reasons(left_out)}", stacklevel=3
            )
        return self._image_set(hr, lr, listing, maker)

    def _image_set(self, hr: Store, lr: Store, listing: Listing, maker: Degradation | None) -> ImageSet:
        denoised = self.denoiser.digest if self.denoiser else None
        # Denoised patches aren't made at each draw, because a network would have to denoise each of them.
        afresh = maker if isinstance(maker, Pipeline) and maker.is_random and not denoised else None
        label = maker.label if maker else GIVEN
        if listing.given and listing.given.degradation:
            label = name_of(self.degradation)
        is_given = maker is None
        return ImageSet(hr, lr, self.scale, label, is_given, denoised, channel=self.channel, afresh=afresh)

    def _check_scale(self, maker: Degradation | None) -> None:
        if self.scale < 1:
            raise InputError(f"The scale must be 1 or more, but got {self.scale}.")
        if self.scale == 1 and maker and maker.label == "bicubic":
            raise InputError(
                "At scale 1 the degradation 'bicubic' changes nothing, so there is nothing to learn or to measure; "
                "take a degradation that adds noise, such as 'noise' (the recipe 'denoise' has it)."
            )

    def _refuse(self, bad: Sequence[tuple[str, str]]) -> None:
        if bad and not self.skip_bad:
            name, reason = bad[0]
            raise InputError(f"{self.folder}: {name} {reason}.")

    def _open_hr(self, listing: Listing, part: str) -> Store:
        suffix = "" if self.channel == "gray" else f"-{self.channel}"
        whole = self.folder.resolve()
        home = self.cache / f"{_shortened(whole.name)}-{part}{suffix}-{hash_of(str(whole))[:8]}"
        items = [Item(source.name, partial(CHANNELS[self.channel], source.hr)) for source in listing.sources]
        frames = [(source.name, source.hr) for source in listing.sources]
        before, contents = _contents(frames, home / "files-hr.json")
        folder = home / f"hr-{hash_of([_READING, contents])}"
        store = open_store(folder, items, keep_going=self.skip_bad, tick=self.tick)
        _refuse_changed(before, folder)
        for outdated in folder.parent.glob("hr-*"):
            if outdated != folder:
                shutil.rmtree(outdated, ignore_errors=True)
        return store

    def _open_lr(self, hr: Store, listing: Listing, maker: Degradation | None) -> Store:
        files = {source.name: source.lr for source in listing.sources if source.lr}
        lock = Lock()  # a denoiser takes all cores and much memory, so it gets one image at a time
        items = []
        for index, image in enumerate(hr.images):
            if maker:
                make: _Make = partial(low_resolution, degradation=maker)
            else:
                make = partial(read_low_resolution, file=files[image.name], read=CHANNELS[self.channel])
            items.append(Item(image.name, partial(self._lr_of, hr, index, make, lock)))
        before, given = _contents(list(files.items()), hr.file.parent.parent / "files-lr.json")
        kept = [image.name for image in hr.images]
        denoised = [self.denoiser.digest] if self.denoiser else []
        key = hash_of([_READING, kept, maker.source if maker else given, *denoised])
        folder = hr.file.parent / f"lr-{_shortened(name_of(self.degradation))}-x{self.scale}-{key}"
        store = open_store(folder, items, keep_going=self.skip_bad, tick=self.tick)
        _refuse_changed(before, folder)
        return store

    def _lr_of(self, hr: Store, index: int, make: _Make, lock: Lock) -> Pixels:
        lr = make(hr.pixels(index), self.scale)
        if self.denoiser is None:
            return lr
        with lock:
            return self.denoiser.run(lr)

    def _too_small(self, hr: Store, side: int) -> list[tuple[str, str]]:
        least = side * self.scale
        return [
            (image.name, f"is {image.width} x {image.height} pixels, but at least {least} x {least} are needed")
            for image in hr.images
            if min(image.height, image.width) < least
        ]


def _without(store: Store, left_out: Sequence[tuple[str, str]]) -> Store:
    if not left_out:
        return store
    names = {name for name, _ in left_out}
    return replace(store, images=tuple(image for image in store.images if image.name not in names))


def _reasons(left_out: Sequence[tuple[str, str]]) -> str:
    shown = "; ".join(f"{name} {reason}" for name, reason in left_out[:5])
    more = "; …" if len(left_out) > 5 else ""
    return f" ({shown}{more})" if left_out else ""


def _contents(
    frames: Sequence[tuple[str, Frame]], known: Path
) -> tuple[dict[Path, Stamp | None], list[tuple[str, str, int, str]]]:
    """Return the stamps of the files of named frames, and plain data that determines the pixels of each frame."""
    files = list(dict.fromkeys(frame.path for _, frame in frames))
    stamps = {file: stamp_of(file) for file in files}
    digests = dict(zip(files, digests_of(files, known), strict=True))
    return stamps, [(name, digests[frame.path], frame.index, repr(frame.meaning)) for name, frame in frames]


def _refuse_changed(before: Mapping[Path, Stamp | None], store: Path) -> None:
    """Remove a store and raise InputError if a file has changed since its stamp in `before` was taken."""
    for file, stamp in before.items():
        if stamp_of(file) != stamp:
            shutil.rmtree(store, ignore_errors=True)
            raise InputError(f"{file} changed while it was read; start again when nothing writes to it any more.")


def _shortened(name: str) -> str:
    """Return the first 80 bytes of a name: file systems allow 255 bytes, and more is added to it."""
    encoded = os.fsencode(name)
    return encoded[:80].decode("utf-8", "ignore" if len(encoded) > 80 else "surrogateescape")


def hash_of(content: object) -> str:
    """Return 16 hex digits of SHA-256 over plain data."""
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]
