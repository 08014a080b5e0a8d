"""A folder of images as training and validation sets, decoded once and shared by all processes of a run."""

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

from nas.data.cache import Item, Store, open_store
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
from nas.data.folder import in_words
from nas.data.frames import Counts, Frame
from nas.data.image_set import ImageSet, Pair, mixed_in_words
from nas.data.images import Pixels, read_image, read_luma
from nas.data.layout import Listing, list_images, list_parts
from nas.data.normalisation import AUTO, Normalisation
from nas.data.patches import PatchSampler
from nas.data.synthetic import write_scenes
from nas.errors import InputError
from nas.progress import Progress, Ticker
from search_spaces.registry import unknown_name

__all__ = [
    "CHANNELS",
    "Dataset",
    "Denoiser",
    "ImageSet",
    "Pair",
    "PatchSampler",
    "open_dataset",
    "open_images",
]

CHANNELS: Mapping[str, Callable[[Frame], Pixels]] = {"gray": read_image, "y": read_luma}
"""How files become one channel: as gray, or colours as the luma Y of the literature."""

GIVEN = "given LR"
"""The label of LR images whose folder doesn't name what made them."""

_READING = 2
"""Counted up when files come to be read as other pixels than before."""

_Make = Callable[[Pixels, int], Pixels]
"""HR image, scale → its LR image."""


@dataclass(frozen=True)
class Denoiser:
    """What LR images go through before a network sees them."""

    digest: str
    """Equal only where `run` computes the same: it names what was kept, and what was measured."""
    run: Callable[[Pixels], Pixels]
    """One LR image to the denoised one of the same size and type; called by one thread at a time."""


@dataclass(frozen=True)
class Dataset:
    """What a network is trained on and chosen by; `fingerprint` covers the names and pixels of both sets."""

    name: str
    fingerprint: str
    scale: int
    degradation: str
    """The label of what made the LR images; where they were given, what their folder says of that, or `GIVEN`."""
    train: ImageSet
    validation: ImageSet
    synthetic: bool
    counts: Counts | None = None
    """The scale by which all images were read that aren't of 8 or 16 bits; None where none was said, or several."""

    @property
    def normalisation(self) -> Normalisation:
        """What makes values of both sets' integers, with numbers from the training set."""
        return self.train.normalisation


def open_dataset(
    folder: Path | None,
    *,
    scale: int,
    cache: Path,
    degradation: Description = "bicubic",
    denoiser: Denoiser | None = None,
    normalisation: Normalisation = AUTO,
    skip_bad: bool = False,
    min_lr_side: int = 0,
    progress: Progress | None = None,
    counts: Counts | None = None,
) -> Dataset:
    """Opens a folder as training and validation sets; `None` is the synthetic set, made on first use.

    Subfolders are searched, and folder names are compared word by word whatever their case (`nas.data.roles`). Images
    below a folder named `train` (`training`, …) are for training and those below `val` (`valid`, `validation`), or else
    `test`, for validation. Without a `train` folder, all other images are for training. Without a validation folder,
    about a tenth of the images (1 to 100) is held back by a hash of the file name. Frames of one video should therefore
    come in two folders. LR images beside HR ones are used, each by its stem (`0001` or `0001x2`), where their folder
    is of this degradation and scale (`LR_bicubic/X2`), or says neither and nobody asked for another degradation than
    bicubic (at scale 1: noise) and their size is the HR images' through `scale`. Otherwise the degradation makes them,
    rounded to the image's integer range. Either then pass `denoiser`. What lies in the folder and isn't used is named
    by one warning.
    At scale 1, which is for training denoisers, the degradation must be one that leaves the size and adds noise.
    What networks see of the images `normalisation` says, which the training set resolves, with a warning where it is
    given in numbers that don't fit that.

    Training patches of a random degradation are degraded afresh each time that they're drawn; those of given LR images
    and those behind a denoiser are not.

    `counts` is the scale by which other types than 8 and 16 bits are read; None: what `images.yaml` says.

    `cache` is the folder that keeps decoded images; they're made anew when a file's name or content changes.
    Training images need `min_lr_side` LR pixels on each side. Bad files raise `InputError`, or with `skip_bad` are
    left out with one warning: unreadable ones, too small ones, LR that doesn't fit its HR, one without the other. A
    missing or empty folder raises `InputError`; a full disk `RunError`.
    """
    source = write_scenes(cache) if folder is None else folder
    listings = list_parts(source, scale, name_of(degradation), counts)
    _say_what_is_left_out(source, listings)
    opener = _Opener(source, scale, degradation, denoiser, cache, skip_bad, _ticker(progress, listings))
    train = opener.open(listings[0], "train", min_lr_side).normalised(normalisation)
    validation = replace(opener.open(listings[1], "validation", 1), normalisation=train.normalisation)
    if len(depths := train.depths + validation.depths) > 1:
        warnings.warn(f"{source}: {mixed_in_words(depths)}; PSNR is a mean over both", stacklevel=2)
    return Dataset(
        name="synthetic" if folder is None else folder.resolve().name,
        fingerprint=_hash([train.fingerprint, validation.fingerprint]),
        scale=scale,
        degradation=train.degradation,
        train=train,
        validation=validation,
        synthetic=folder is None,
        counts=_scale_of(listings),
    )


def _scale_of(listings: Sequence[Listing]) -> Counts | None:
    said = {source.hr.meaning.counts for listing in listings for source in listing.sources}
    return said.pop() if len(said) == 1 else None


def open_images(
    folder: Path,
    *,
    scale: int,
    cache: Path,
    degradation: Description = "bicubic",
    denoiser: Denoiser | None = None,
    normalisation: Normalisation = AUTO,
    skip_bad: bool = False,
    progress: Progress | None = None,
    channel: str = "gray",
    counts: Counts | None = None,
) -> ImageSet:
    """Opens all images of a folder as one set, to evaluate on; LR images, errors and cache as for `open_dataset`.

    `channel` is one of `CHANNELS`, of HR and LR files alike. Raises `InputError` for another.
    """
    if channel not in CHANNELS:
        raise InputError(str(unknown_name("channel", channel, CHANNELS)))
    listing = list_images(folder, scale, name_of(degradation), counts)
    _say_what_is_left_out(folder, [listing])
    opener = _Opener(folder, scale, degradation, denoiser, cache, skip_bad, _ticker(progress, [listing]), channel)
    return opener.open(listing, "all", 1).normalised(normalisation)


def _say_what_is_left_out(folder: Path, listings: Sequence[Listing]) -> None:
    if left_out := [entry for listing in listings for entry in listing.left_out]:
        warnings.warn(f"{folder}: not used are {in_words(left_out)}", stacklevel=3)


def _ticker(progress: Progress | None, listings: Sequence[Listing]) -> Ticker:
    """Return what counts the HR and LR images of `listings`."""
    return Ticker(progress, sum(2 * len(listing.sources) for listing in listings))


@dataclass(frozen=True)
class _Opener:
    folder: Path
    scale: int
    degradation: Description
    denoiser: Denoiser | None
    cache: Path
    skip_bad: bool
    tick: Callable[[int], None]
    channel: str = "gray"

    def open(self, listing: Listing, part: str, min_lr_side: int) -> ImageSet:
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
        denoised = self.denoiser.digest if self.denoiser else None
        afresh = maker if isinstance(maker, Pipeline) and maker.is_random and not denoised else None
        label = maker.label if maker else GIVEN
        if listing.given and listing.given.degradation:
            label = name_of(self.degradation)
        return ImageSet(hr, lr, self.scale, label, given, denoised, channel=self.channel, afresh=afresh)

    def _check_scale(self, maker: Degradation | None) -> None:
        if self.scale < 1:
            raise InputError(f"The scale must be 1 or more, but got {self.scale}.")
        if self.scale == 1 and maker and maker.label == "bicubic":
            raise InputError(
                "At scale 1 the degradation 'bicubic' changes nothing, so there is nothing to learn or to measure; "
                "take one that does, such as 'noise' (the recipe 'denoise' does)."
            )

    def _refuse(self, bad: Sequence[tuple[str, str]]) -> None:
        if bad and not self.skip_bad:
            name, reason = bad[0]
            raise InputError(f"{self.folder}: {name} {reason}.")

    def _open_hr(self, listing: Listing, part: str) -> Store:
        coloured = "" if self.channel == "gray" else f"-{self.channel}"
        whole = self.folder.resolve()
        home = self.cache / f"{_shortened(whole.name)}-{part}{coloured}-{_hash(str(whole))[:8]}"
        items = [Item(source.name, partial(CHANNELS[self.channel], source.hr)) for source in listing.sources]
        frames = [(source.name, source.hr) for source in listing.sources]
        before, contents = _contents(frames, home / "files-hr.json")
        folder = home / f"hr-{_hash([_READING, contents])}"
        store = open_store(folder, items, keep_going=self.skip_bad, tick=self.tick)
        _refuse_changed(before, folder)
        for outdated in folder.parent.glob("hr-*"):
            if outdated != folder:
                shutil.rmtree(outdated, ignore_errors=True)
        return store

    def _open_lr(self, hr: Store, listing: Listing, maker: Degradation | None) -> Store:
        files = {source.name: source.lr for source in listing.sources if source.lr}
        lock = Lock()  # a network takes all cores and much memory: images go through it one after the other
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
        key = _hash([_READING, kept, maker.source if maker else given, *denoised])
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
    """Return the stamps of the files of named frames, and as plain data all that makes each frame's pixels."""
    files = list(dict.fromkeys(frame.path for _, frame in frames))
    stamps = {file: stamp_of(file) for file in files}
    digests = dict(zip(files, digests_of(files, known), strict=True))
    return stamps, [(name, digests[frame.path], frame.index, repr(frame.meaning)) for name, frame in frames]


def _refuse_changed(before: Mapping[Path, Stamp | None], store: Path) -> None:
    """Raise `InputError`, and remove what was made of them, where files have changed since their stamps of `before`."""
    for file, stamp in before.items():
        if stamp_of(file) != stamp:
            shutil.rmtree(store, ignore_errors=True)
            raise InputError(f"{file} changed while it was read; start again when nothing writes to it any more.")


def _shortened(name: str) -> str:
    """A name of at most 80 bytes: what is added to it must stay below the 255 of a file system."""
    return os.fsencode(name)[:80].decode("utf-8", "ignore" if len(os.fsencode(name)) > 80 else "surrogateescape")


def _hash(content: object) -> str:
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]
