"""Trained models as objects: they upscale, and can be measured and exported."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from torch import nn

from nas.api.calls import check_counts, public_call
from nas.api.events import Callback, counted
from nas.api.given import Device, Scaling, device_of, parse_counts
from nas.api.records import FoundNetwork
from nas.api.upscaling import Stages, UpscaledFiles, Upscalers, upscale_all, upscale_image
from nas.data.images import Pixels
from nas.deploy.denoising import load_stages
from nas.deploy.export import Exported
from nas.deploy.form import Form
from nas.deploy.target import load_target
from nas.deploy.upscale import trained_counts, warn_without_denoiser
from nas.deploy.upscaler import Upscaler
from nas.evaluation.comparison import Evaluation
from nas.image_size import parse_size
from nas.jobs.locating import locate
from nas.model import RESULTS, Model, load_model
from search_spaces import Architecture

if TYPE_CHECKING:
    from nas.api.measuring import Options


class TrainedModel:
    """A trained network with its recipe and metrics, read by `nas.load` or returned by `nas.train`.

    Example:
        >>> model = nas.load("camera")
        >>> model.architecture.scale
        2
        >>> model.upscale(np.zeros((24, 32), np.uint16)).shape
        (48, 64)
    """

    def __init__(self, folder: Path, model: Model) -> None:
        self.folder = folder
        """The model directory."""
        self._model = model
        self._ready: dict[object, Upscalers] = {}

    @property
    def architecture(self) -> Architecture:
        """The architecture: space, scale, channels and choices."""
        return self._model.architecture

    @property
    def network(self) -> nn.Module:
        """The network, in evaluation mode on the CPU: [N, 1, h, w] → [N, 1, scale · h, scale · w], values in 0..1."""
        return self._model.network

    @property
    def metrics(self) -> Mapping[str, Any]:
        """The figures after the training, with their protocol."""
        return self._model.metrics

    @property
    def recipe(self) -> Mapping[str, Any]:
        """The recipe of the training, or the source of imported weights."""
        return self._model.recipe

    @public_call()
    def upscale(
        self,
        image: Pixels | str | Path,
        *,
        denoise: "str | Path | TrainedModel | None" = None,
        noise: float | None = None,
        tile: int | None = None,
        counts: Scaling = None,
        device: Device = None,
    ) -> Pixels:
        """Upscale an image (a denoiser denoises it). Type, levels and unit stay, as in `nas upscale`.

        Args:
            image: [H, W] or [N, H, W] of uint8 or uint16, or of int16 or floats if a scale is given; or the path of a
                file.
            denoise: A denoiser that the image goes through first.
            noise: The noise that a denoiser expects, in grey levels of 255. Default: the denoiser's own.
            tile: Side of a tile in LR pixels. Tiles are used only if they give the same result as the whole image.
                Default: a side that is fast and fits into the free memory.
            counts: Scale and offset of values without 8 or 16 bits. Default: those of the model's training.
            device: The device of the computation. Default: a GPU if there is one.

        Returns:
            [scale · H, scale · W] of the same type; [N, …] if the array or the file has several frames.

        Raises:
            InputError: The image is unreadable, too small, or of a type that needs a scale.
            RunError: There is not enough memory.

        Example:
            >>> model = nas.load("camera")
            >>> frames = np.full((3, 24, 32), 14_000, np.uint16)
            >>> large = model.upscale(frames)
            >>> large.shape, large.dtype.name
            ((3, 48, 64), 'uint16')
            >>> model.upscale("some.png").dtype.name
            'uint8'
        """
        check_counts(1, tile=tile)
        upscalers = self._upscalers(denoise, noise, tile, device)
        scale = parse_counts(counts) or trained_counts(self._model)
        return upscale_image(image, upscalers, scale)

    @public_call()
    def upscale_files(
        self,
        source: str | Path | Sequence[str | Path],
        target: str | Path,
        *,
        denoise: "str | Path | TrainedModel | None" = None,
        noise: float | None = None,
        tile: int | None = None,
        counts: Scaling = None,
        overwrite: bool = False,
        format: str | None = None,
        device: Device = None,
        callback: Callback | None = None,
    ) -> UpscaledFiles:
        """Upscale images, videos, folders and patterns to files, as `nas upscale` does.

        Args:
            source: An image, a video, a folder, a pattern such as `"night/*.png"`, or a list of them; `"-"` is standard
                input.
            target: The file to write; for a folder, a pattern or a list a folder; `"-"` is standard output.
            denoise: A denoiser that the images go through first.
            noise: The noise that a denoiser expects, in grey levels of 255. Default: the denoiser's own.
            tile: Side of a tile in LR pixels. Tiles are used only if they give the same result as the whole image.
                Default: a side that is fast and fits into the free memory.
            counts: Scale and offset of images without 8 or 16 bits. Default: those of the model's training.
            overwrite: Whether to replace existing files.
            format: Format of standard output, `"png"` or `"tif"`. Default: that of the input.
            device: The device of the computation. Default: a GPU if there is one.
            callback: Receives the number of finished tiles, frames or files.

        Returns:
            The paths of the written files. The list has the speed as `throughput`.

        Raises:
            InputError: A source is missing, or the target exists or has an unsuitable type.
            RunError: Some of several images could not be upscaled; the others were written.

        Example:
            >>> done = nas.load("camera").upscale_files("some.png", "some_x2.png", overwrite=True)
            >>> [path.name for path in done]
            ['some_x2.png']
            >>> done.throughput.images
            1
        """
        check_counts(1, tile=tile)
        model, denoiser = load_stages(self.folder, _folder_of(denoise), noise)
        stages = Stages(model, denoiser, tile, device_of(device))
        progress = counted(callback, "upscaling")
        return upscale_all(source, target, stages, format, parse_counts(counts), overwrite, progress)

    def evaluate(self, data: str | Path, **options: "Unpack[Options]") -> Evaluation:
        """Measure the model and bicubic interpolation on a folder of images.

        Args:
            data: The folder.
            options: As for `nas.evaluate`.

        Returns:
            The figures with their protocol.

        Raises:
            InputError: As `nas.evaluate` does.

        Example:
            >>> measured = nas.load("camera").evaluate("images/val", metrics="psnr")
            >>> list(measured.means)
            ['bicubic', 'camera']
        """
        from nas.api.measuring import evaluate

        return evaluate([self], data, **options)

    @public_call()
    def export(
        self,
        folder: str | Path,
        *,
        target: str | None = None,
        lr: str | tuple[int, int] | None = None,
        opset: int | None = None,
        bits: int | None = None,
        half: bool = False,
        int8: str | None = None,
        data: str | Path | None = None,
    ) -> Exported:
        """Write architecture, weights, an ONNX file and the recipe into a new folder, and verify each file.

        Args:
            folder: The new folder.
            target: The chip or runtime that the file is for: a name that `nas targets` lists, or a YAML file.
            lr: The fixed size of LR images, `"640x512"` or (width, height). Default: any size.
            opset: The opset of ONNX, 13 to 20. Default: 18, or the nearest that the target reads.
            bits: 8 or 16: the file takes and gives integers of so many bits. Default: float32 values.
            half: Whether the network computes in float16; the image skip stays in float32.
            int8: `"residual"` also writes an int8 file whose image path stays in float32, `"full"` one of int8 alone.
            data: Folder of images with which int8 is calibrated and measured.

        Returns:
            The files, the largest difference between ONNX Runtime and PyTorch, and what int8 costs.

        Raises:
            InputError: The folder is not empty, or can't be written; or the target refuses the network.
            RunError: The verification of a file failed.

        Example:
            >>> exported = nas.load("camera").export("exported")
            >>> "model.onnx" in [file.name for file in exported.files]
            True
        """
        from nas.jobs.exporting import Wanted, export

        size = parse_size(lr) if isinstance(lr, str) else lr
        form = Form.of(load_target(target) if target else None, opset, lr=size, bits=bits, half=half)
        return export(self._model, Path(folder), form, Wanted.of(int8, data), RESULTS)

    def __repr__(self) -> str:
        architecture = self.architecture
        psnr = self.metrics.get("psnr")
        measured = f", {psnr:.2f} dB" if isinstance(psnr, float) else ""
        return f"<TrainedModel of '{architecture.space}', x{architecture.scale}{measured}; {self.folder}>"

    def _upscalers(
        self, denoise: "str | Path | TrainedModel | None", noise: float | None, tile: int | None, device: Device
    ) -> Upscalers:
        """Return the upscaler, and the denoiser before it; cached, since they check and fuse the networks."""
        where, denoiser_folder = device_of(device), _folder_of(denoise)
        key = (denoiser_folder, noise, tile, where)
        if key not in self._ready:
            model, denoiser = load_stages(self.folder, denoiser_folder, noise)
            warn_without_denoiser(model, denoiser)
            first = Upscaler(denoiser, tile=tile, device=where) if denoiser else None
            self._ready[key] = Upscaler(model, tile=tile, device=where), first
        return self._ready[key]


@public_call()
def load(model: str | Path | FoundNetwork, *, scale: int | None = None, results: str | Path = RESULTS) -> TrainedModel:
    """Read a trained model.

    Args:
        model: A model directory; `RUN:TRIAL` or `SPACE/POINT` once trained; or a network of a run, with the weights of
            the search.
        scale: Scale of a published network that was trained at several scales.
        results: The folder with runs and trained networks.

    Returns:
        The model.

    Raises:
        InputError: The model is missing, not trained, or damaged.

    Example:
        >>> nas.load("camera").architecture.space
        'espcn'
    """
    folder = model.folder if isinstance(model, FoundNetwork) else locate(str(model), scale, Path(results))
    return TrainedModel(folder, load_model(folder))


def _folder_of(denoiser: "str | Path | TrainedModel | None") -> Path | None:
    if denoiser is None:
        return None
    return denoiser.folder if isinstance(denoiser, TrainedModel) else locate(str(denoiser))
