"""A folder of images as training and validation sets, decoded once and shared by all processes of a run."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from nas.data.degradation import Description, name_of
from nas.data.folder import in_words
from nas.data.frames import Counts, warn_unless_needed
from nas.data.image_set import ImageSet, mixed_in_words
from nas.data.layout import list_images, list_parts
from nas.data.listing import Listing
from nas.data.normalisation import AUTO, Normalisation
from nas.data.opening import CHANNELS, Denoiser, Opener, hash_of
from nas.data.synthetic_folder import write_scenes
from nas.errors import InputError
from nas.progress import Progress, Ticker
from search_spaces.registry import unknown_name


@dataclass(frozen=True)
class Dataset:
    """The images that a network is trained on, and those that it is validated on."""

    name: str
    fingerprint: str
    """16 hex digits over the names and pixels of both sets; the same on every machine."""
    scale: int
    degradation: str
    """The label of the degradation that made the LR images. For given LR images: what their folder says, or `GIVEN`."""
    train: ImageSet
    validation: ImageSet
    synthetic: bool
    counts: Counts | None = None
    """The scale by which images that aren't of 8 or 16 bits were read; None if there is no scale, or several."""

    @property
    def normalisation(self) -> Normalisation:
        """How the integers of both sets become values. Its numbers are from the training set."""
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
    """Open a folder as training and validation sets.

    Which images are in which set: Subfolders are searched, and folder names are compared word by word in any case
    (`nas.data.roles`). Images below a folder named `train` (`training`, …) are for training. Images below `val`
    (`valid`, `validation`), or else `test`, are for validation. Without a `train` folder, all other images are for
    training. Without a validation folder, about a tenth of the images (1 to 100) is held back by a hash of the file
    name. Therefore put frames of one video into two folders. Files that are not used are named in one warning.

    Where LR images come from: LR images beside HR images are used, matched by their stem (`0001` or `0001x2`), if their
    folder names this degradation and scale (`LR_bicubic/X2`). If the folder names neither, they are used if the
    degradation is the default (bicubic; at scale 1: noise) and the sizes fit the scale. Otherwise the degradation makes
    the LR images, rounded to the integers of the image. Both kinds then pass `denoiser`. Training patches of a random
    degradation are degraded again at each draw, unless LR images are given or a denoiser is used.

    Args:
        folder: The folder; None is the synthetic set, which is made on first use.
        scale: The scale. 1 is for denoisers, and needs a degradation that keeps the size and adds noise.
        cache: The folder that keeps decoded images. They are made again when a file's name or content changes.
        degradation: What makes the LR images.
        denoiser: A denoiser that all LR images pass.
        normalisation: How integers become values. The training set resolves it; numbers that don't fit give a warning.
        skip_bad: Leave out bad files, with one warning, instead of raising InputError. Bad files are unreadable or too
            small, LR images that don't fit their HR image, and HR or LR images without the other.
        min_lr_side: LR pixels that a training image needs on each side.
        progress: Called with (done, total) images.
        counts: The scale of values that aren't of 8 or 16 bits; None: what `images.yaml` says.

    Raises:
        InputError: The folder is missing or empty, or holds a bad file and `skip_bad` is False.
        RunError: The disk is full or can't be written to.
    """
    source = write_scenes(cache) if folder is None else folder
    listings = list_parts(source, scale, name_of(degradation), counts)
    warn_unless_needed(counts, (source.hr for listing in listings for source in listing.sources))
    _warn_of_left_out(source, listings)
    opener = Opener(source, scale, degradation, denoiser, cache, skip_bad, _ticker(progress, listings))
    train = opener.open(listings[0], "train", min_lr_side).normalised(normalisation)
    validation = replace(opener.open(listings[1], "validation", 1), normalisation=train.normalisation)
    if train.lr_is_given != validation.lr_is_given:
        given, made = ("training", "validation") if train.lr_is_given else ("validation", "training")
        warnings.warn(f"{source}: LR images are given for {given} only; those of {made} are made", stacklevel=2)
    depths = train.depths + validation.depths
    if len(depths) > 1:
        warnings.warn(f"{source}: {mixed_in_words(depths)}; PSNR is a mean over both", stacklevel=2)
    return Dataset(
        name="synthetic" if folder is None else folder.resolve().name,
        fingerprint=hash_of([train.fingerprint, validation.fingerprint]),
        scale=scale,
        degradation=train.degradation,
        train=train,
        validation=validation,
        synthetic=folder is None,
        counts=_scale_of_counts(listings),
    )


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
    """Open all images of a folder as one set to evaluate on.

    `channel` is a name of `CHANNELS`; HR and LR files are read as this channel. The other arguments and the errors are
    those of `open_dataset`. Raises InputError for an unknown channel.
    """
    if channel not in CHANNELS:
        raise InputError(str(unknown_name("channel", channel, CHANNELS)))
    listing = list_images(folder, scale, name_of(degradation), counts)
    warn_unless_needed(counts, (source.hr for source in listing.sources))
    _warn_of_left_out(folder, [listing])
    opener = Opener(folder, scale, degradation, denoiser, cache, skip_bad, _ticker(progress, [listing]), channel)
    return opener.open(listing, "all", 1).normalised(normalisation)


def _scale_of_counts(listings: Sequence[Listing]) -> Counts | None:
    scales = {source.hr.scale for listing in listings for source in listing.sources} - {None}
    return scales.pop() if len(scales) == 1 else None


def _warn_of_left_out(folder: Path, listings: Sequence[Listing]) -> None:
    left_out = [entry for listing in listings for entry in listing.left_out]
    if left_out:
        warnings.warn(f"{folder}: not used are {in_words(left_out)}", stacklevel=3)


def _ticker(progress: Progress | None, listings: Sequence[Listing]) -> Ticker:
    """Return a ticker for the HR and LR images of `listings`."""
    return Ticker(progress, sum(2 * len(listing.sources) for listing in listings))
