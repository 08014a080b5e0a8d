"""The training and validation images of a folder, and the files that are neither."""

import hashlib
import os
from collections import Counter, defaultdict
from dataclasses import replace
from pathlib import Path

from nas.data.folder import LeftOut, image_files, no_image
from nas.data.frames import Counts
from nas.data.listing import Listing, Member, Wanted
from nas.data.members import members_of
from nas.data.pairing import pair
from nas.errors import InputError

VALIDATION_FRACTION = 0.1
MAX_VALIDATION = 100


def list_images(folder: Path, scale: int, degradation: str, counts: Counts | None = None) -> Listing:
    """Return all images below a folder as one set, each with its LR file if the folder has LR images of this scale.

    Raises InputError if the folder is missing, holds no image or only LR images, or holds one picture at two sizes as
    if both were HR.
    """
    wanted = Wanted(scale, degradation, counts)
    members, listing = _read(folder, wanted)
    paired = pair(folder, members, wanted)
    return replace(paired, left_out=listing.left_out + paired.left_out, others=listing.others)


def list_parts(folder: Path, scale: int, degradation: str, counts: Counts | None = None) -> tuple[Listing, Listing]:
    """Return the training and validation sets of a folder; `nas.data.dataset.open_dataset` describes which images.

    Files in neither set are noted in the training set as left out. Raises InputError as `list_images` does, and if one
    of the two sets would be empty.
    """
    wanted = Wanted(scale, degradation, counts)
    members, listing = _read(folder, wanted)
    parts: dict[str, list[Member]] = defaultdict(list)
    for member in members:
        parts[member.role.part or "loose"].append(member)
    training, held_out = parts["train"] or parts["loose"], parts["validation"] or parts["test"]
    if not training:
        raise InputError(
            f"{folder} has images to validate or test on but none to train on; "
            f"put those into {folder / 'train'}, or name the inner folder itself to have it split."
        )
    unused = []
    if parts["train"]:
        unused += [LeftOut(m.relative, "images beside those of training and validation") for m in parts["loose"]]
    if parts["validation"]:
        unused += [LeftOut(m.relative, "images for testing, kept for 'nas evaluate'") for m in parts["test"]]
    train = pair(folder, training, wanted)
    train, validation = (train, pair(folder, held_out, wanted)) if held_out else _split(train, folder)
    left_out = (*listing.left_out, *unused, *train.left_out)
    return replace(train, left_out=left_out, others=listing.others), validation


def _read(folder: Path, wanted: Wanted) -> tuple[list[Member], Listing]:
    """Return all images of a folder, and a listing without images that holds the files that are left out."""
    if wanted.scale < 1:
        raise InputError(f"The scale must be 1 or more, but got {wanted.scale}.")
    files = image_files(folder)
    members, left_out = members_of(files, wanted)
    files = replace(files, left_out=(*files.left_out, *left_out))
    if not members:
        raise no_image(files)
    return members, Listing((), left_out=files.left_out, others=files.others)


def _split(listing: Listing, folder: Path) -> tuple[Listing, Listing]:
    """Hold back about a tenth (1 to 100 images) for validation, by a hash of the file name.

    Neither the order nor other files have an influence. All frames of a file are in the same set, because frames of a
    sequence are too similar to train on one and validate on the next.
    """
    files = Counter(source.hr.path for source in listing.sources)
    if len(files) < 2:
        frames = "file" if len(listing.sources) > 1 else "image"
        raise InputError(
            f"{folder} holds one usable {frames}; at least two are needed to train on one and validate on the other."
        )
    by_place = sorted(files, key=lambda path: (_place(path), path))
    below = sum(_place(path) < VALIDATION_FRACTION for path in by_place)
    held_out: set[Path] = set()
    images = 0
    for path in by_place[: min(max(below, 1), len(by_place) - 1)]:
        images += files[path]
        if images > MAX_VALIDATION and held_out:
            break
        held_out.add(path)
    return (
        replace(listing, sources=tuple(s for s in listing.sources if s.hr.path not in held_out)),
        Listing(tuple(s for s in listing.sources if s.hr.path in held_out), given=listing.given),
    )


def _place(file: Path) -> float:
    """Return a number in 0..1 that depends only on the file's name."""
    # Python keeps bytes that are no UTF-8 as surrogates, which only `fsencode` can encode.
    digest = hashlib.sha256(os.fsencode(file.name)).digest()
    return int.from_bytes(digest[:8], "big") / 2**64
