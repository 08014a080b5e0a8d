"""What an image file says beside its pixels, as far as it still holds for the upscaled image."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tifffile
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from nas.data.files.directories import MAGICS
from nas.data.files.orientation import TAG, UPRIGHT
from nas.data.files.tiff import Place

TEXTS = (270, 271, 272, 305, 306, 315, 316, 33432)
"""Tags of TIFF and Exif with texts: description, make, model, software, time, artist, computer, copyright."""

_X_RESOLUTION, _Y_RESOLUTION, _UNIT = 282, 283, 296
_INCH, _CENTIMETRE = 2, 3
_EXIF, _GPS = 0x8769, 0x8825
_WIDTH, _HEIGHT = 0xA002, 0xA003
_FOCAL_PLANE = 0xA20E, 0xA20F
_STALE = frozenset({0x927C, 0xA005, 0x9102, 0x9214, 0xA214})
"""Tags of Exif that aren't kept: maker notes and pointers with offsets in the old file, bits a pixel, positions."""

_PRIVATE = range(65000, 65536)
"""Tags that anybody may use. Cameras keep calibrations and temperatures there."""

_GEO_TEXTS = (34735, 34736, 34737, 42112, 42113)
"""Coordinate system of GeoTIFF, and metadata and missing value of GDAL."""

_PIXEL_SCALE, _TIE_POINTS, _TRANSFORMATION = 33550, 33922, 34264
_OFFSETS = frozenset({13, 18})
"""Types of values that are offsets in the old file."""

_OF_SIZES = ('{"shape"', "ImageJ=", "<OME", "<?xml")
"""Starts of descriptions that programs write and read as the sizes of the file."""

_OWN = "infrared-sr-nas"
"""The text by which this program recognises its own pictures, which are no input."""

_SWAPPING = 5
"""Orientations from this number on exchange width and height."""

_CENTIMETRES = 2.54
"""Centimetres of an inch."""

Tag = tuple[int, int, int, Any]
"""Number, type, count and value of a TIFF tag."""


@dataclass(frozen=True)
class Metadata:
    """The metadata of an upscaled image."""

    texts: Mapping[int, str] = field(default_factory=dict)
    """Number of a tag in `TEXTS` → text."""
    per_inch: tuple[float, float] | None = None
    """Pixels an inch, in x and y."""
    exif: Mapping[int, Any] = field(default_factory=dict)
    gps: Mapping[int, Any] = field(default_factory=dict)
    chunks: Mapping[str, str] = field(default_factory=dict)
    """Keyword of a text chunk of a PNG → text."""
    tags: tuple[Tag, ...] = ()
    """Other tags, which only a TIFF can hold."""

    def exif_block(self, width: int, height: int) -> Image.Exif:
        """Return the Exif data for an image of this size; it is empty if there is nothing to say."""
        block = Image.Exif()
        for code, text in self.texts.items():
            block[code] = text
        if self.exif:
            sizes = {code: size for code, size in ((_WIDTH, width), (_HEIGHT, height)) if code in self.exif}
            block.get_ifd(_EXIF).update({**self.exif, **sizes})
        if self.gps:
            block.get_ifd(_GPS).update(self.gps)
        if self.per_inch and (self.texts or self.exif or self.gps):
            block[_X_RESOLUTION], block[_Y_RESOLUTION] = self.per_inch
            block[_UNIT] = _INCH
        return block

    def png_chunks(self) -> PngInfo:
        """Return the text chunks of a PNG."""
        info = PngInfo()
        for keyword, text in self.chunks.items():
            if text.isascii():
                info.add_text(keyword, text)
            else:
                info.add_itxt(keyword, text)
        return info

    def tiff_options(self) -> dict[str, Any]:
        """Return arguments of `tifffile.TiffWriter.write`."""
        texts = {**self.texts}
        if 270 not in texts and "Description" in self.chunks:
            texts[270] = self.chunks["Description"]
        options: dict[str, Any] = {"software": ""}  # else tifffile writes its own name
        options["extratags"] = [(code, 2, None, text.encode(), False) for code, text in texts.items()]
        options["extratags"] += [(*tag, False) for tag in self.tags]
        if self.per_inch:
            options |= {"resolution": self.per_inch, "resolutionunit": _INCH}
        return options


NOTHING = Metadata()


def metadata_of(path: Path, place: Place | None, scale: int) -> Metadata:
    """Return the metadata that an image upscaled by `scale` keeps. Warns, and returns none, if it can't be read."""
    try:
        with path.open("rb") as file:
            start = file.read(8)
        if start.startswith(MAGICS):
            return _of_tiff(path, place or Place(), scale)
        return _of_picture(path, scale) if start.startswith((b"\x89PNG", b"\xff\xd8")) else NOTHING
    except Exception:  # damaged metadata raises errors of any type, and the pixels are what matters
        warnings.warn(f"the metadata of {path} can't be read and isn't kept", stacklevel=2)
        return NOTHING


def _of_picture(path: Path, scale: int) -> Metadata:
    """Read a PNG or a JPEG."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of Pillow, on large images and on odd tags
        with Image.open(path) as image:
            found = image.getexif()
            is_turned = found.get(TAG, UPRIGHT) >= _SWAPPING
            exif = {code: value for code, value in found.get_ifd(_EXIF).items() if code not in _STALE}
            for code in _FOCAL_PLANE:
                if code in exif:
                    exif[code] = float(exif[code]) * scale
            chunks = {**image.text} if image.format == "PNG" else {}  # type: ignore[attr-defined]
            if chunks.get("Software") == _OWN:
                del chunks["Software"]
            density = image.info.get("dpi") or (None if image.format == "PNG" else _exif_density(found))
            return Metadata(
                {code: str(found[code]) for code in TEXTS if code in found},
                _scaled(density, scale, is_turned),
                exif,
                dict(found.get_ifd(_GPS)),
                chunks,
            )


def _exif_density(found: Image.Exif) -> tuple[float, float] | None:
    if _X_RESOLUTION not in found or _Y_RESOLUTION not in found:
        return None
    return _per_inch(float(found[_X_RESOLUTION]), float(found[_Y_RESOLUTION]), int(found.get(_UNIT, _INCH)))


def _of_tiff(path: Path, place: Place, scale: int) -> Metadata:
    """Read the page of a frame."""
    with tifffile.TiffFile(path) as file:
        page: Any = file.pages[0]
        if place.page:
            file.filehandle.seek(place.page)
            page = tifffile.TiffPage(file, 0)
        found = {int(tag.code): (int(tag.code), int(tag.dtype), int(tag.count), tag.value) for tag in page.tags}
    orientation = int(found[TAG][3]) if TAG in found else UPRIGHT
    texts = {code: str(found[code][3]) for code in TEXTS if code in found and isinstance(found[code][3], str)}
    if texts.get(270, "").lstrip().startswith(_OF_SIZES):
        del texts[270]
    density = None
    if _X_RESOLUTION in found and _Y_RESOLUTION in found:
        unit = int(found[_UNIT][3]) if _UNIT in found else _INCH
        density = _per_inch(_ratio(found[_X_RESOLUTION][3]), _ratio(found[_Y_RESOLUTION][3]), unit)
    tags = [tag for code, tag in found.items() if code in _PRIVATE and tag[1] not in _OFFSETS]
    tags += _geographic(found, scale) if orientation == UPRIGHT else []
    return Metadata(texts, _scaled(density, scale, orientation >= _SWAPPING), tags=tuple(tags))


def _geographic(found: Mapping[int, Tag], scale: int) -> list[Tag]:
    """Return the tags of GeoTIFF and GDAL, with pixels that are smaller by `scale`."""
    if _TRANSFORMATION in found:
        return []
    tags = [found[code] for code in _GEO_TEXTS if code in found]
    if _PIXEL_SCALE in found:
        code, kind, count, (x, y, *others) = found[_PIXEL_SCALE]
        tags.append((code, kind, count, (x / scale, y / scale, *others)))
    if _TIE_POINTS in found:
        code, kind, count, values = found[_TIE_POINTS]
        tags.append((code, kind, count, tuple(v * scale if i % 6 < 2 else v for i, v in enumerate(values))))
    return tags


def _ratio(value: Any) -> float:
    return float(value[0] / value[1]) if isinstance(value, tuple) else float(value)


def _per_inch(x: float, y: float, unit: int) -> tuple[float, float] | None:
    factor = {_INCH: 1.0, _CENTIMETRE: _CENTIMETRES}.get(unit)
    return (factor * x, factor * y) if factor else None


def _scaled(density: tuple[float, float] | None, scale: int, is_turned: bool) -> tuple[float, float] | None:
    """Return the density of the upscaled image, whose size in inches is that of the image."""
    if density is None or min(density) <= 0:
        return None
    x, y = (float(each) * scale for each in density)
    return (y, x) if is_turned else (x, y)
