"""The folder of synthetic scenes that commands use without a data set."""

import hashlib
import shutil
import uuid
from pathlib import Path

from nas.data import synthetic
from nas.data.images import write_image
from nas.errors import InputError, RunError

TRAINING_SCENES = 48
VALIDATION_SCENES = 8

_SEAL = ".seal"
"""The file with a digest of all scenes. A damaged folder has another digest."""


def write_scenes(cache: Path) -> Path:
    """Return the folder below `cache` with the default scenes as PNG in `train` and `val`; make it if needed.

    The folder's name holds a hash of the code that draws, so a version with other scenes makes another folder. Raises
    RunError when the disk is full or can't be written to.
    """
    folder = cache / f"synthetic-{hashlib.sha256(Path(synthetic.__file__).read_bytes()).hexdigest()[:8]}" / "synthetic"
    building = folder.parent / f".{uuid.uuid4().hex}"
    try:
        if _is_whole(folder):
            return folder
        for index in range(TRAINING_SCENES + VALIDATION_SCENES):
            part = building / ("train" if index < TRAINING_SCENES else "val")
            part.mkdir(parents=True, exist_ok=True)
            write_image(part / f"scene{index:03d}.png", synthetic.scene(index))
        (building / _SEAL).write_text(_seal(building), encoding="utf-8")
        if folder.exists() and not _is_whole(folder):
            folder.rename(building / "damaged")
        building.rename(folder)
        shutil.rmtree(folder / "damaged", ignore_errors=True)
    except (OSError, InputError) as error:
        # The rename fails if another process was faster. Its scenes are the same.
        if not folder.exists():
            raise RunError(f"The synthetic scenes can't be written to {folder}: {error}.") from error
    finally:
        shutil.rmtree(building, ignore_errors=True)
    return folder


def _is_whole(folder: Path) -> bool:
    """Tell whether all scenes are there as they were written."""
    seal = folder / _SEAL
    return seal.is_file() and seal.read_bytes() == _seal(folder).encode()


def _seal(folder: Path) -> str:
    digest = hashlib.sha256()
    for file in sorted(folder.rglob("*.png")):
        digest.update(file.relative_to(folder).as_posix().encode() + file.read_bytes())
    return digest.hexdigest()
