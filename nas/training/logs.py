"""Listeners that write a training's course to disk: a CSV file always, TensorBoard's event files on request."""

from pathlib import Path
from typing import TYPE_CHECKING

from torch import Tensor

from nas.data.image_set import ImageSet
from nas.errors import InputError, RunError
from nas.files import make_folder, write_atomic
from nas.training.report import SAMPLE_SIDE, Report, TrainingListener

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

LOG = "log.csv"
"""The name of the log in a model directory."""

COLUMNS = ("step", "loss", "learning_rate", "psnr", "patches_per_second", "seconds", "losses")


class CsvLog:
    """Appends a row for each report to a CSV file; `psnr` is empty where it was not measured.

    `losses` holds the single ones, of which `loss` is the weighted sum, as `l1=0.012 fft=0.034`: not all stages of a
    recipe have the same.

    A training that goes on from its checkpoint first drops what was written after that checkpoint, and a new training
    everything. Raises RunError when the file can't be written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._begun = False

    def __call__(self, report: Report) -> None:
        """Write the row of a report."""
        try:
            if not self._begun:
                make_folder(self._path.parent)
                write_atomic(self._path, "".join([",".join(COLUMNS) + "\n", *self._rows_before(report)]))
                self._begun = True
            with self._path.open("a", encoding="utf-8") as file:
                file.write(_row(report))
        except OSError as error:
            raise RunError(f"The log {self._path} can't be written: {error.strerror or error}.") from None

    def _rows_before(self, report: Report) -> list[str]:
        if not self._path.is_file():
            return []
        with self._path.open(encoding="utf-8", errors="replace") as file:
            return [line for line in file if _is_before(line, report)]


def _is_before(line: str, report: Report) -> bool:
    """Tell whether a line is a row that this training need not write again; a kill may have torn the last one."""
    step = line.partition(",")[0]
    whole = line.endswith("\n") and line.count(",") == len(COLUMNS) - 1
    # What is measured anew without a step, after a kill at the very end, may have been written already.
    return whole and step.isdecimal() and int(step) <= report.began and int(step) < report.step


def _row(report: Report) -> str:
    psnr = f"{report.psnr:.4f}" if report.measured else ""
    speed = "" if report.patches_per_second is None else f"{report.patches_per_second:.1f}"
    losses = " ".join(f"{name}={value:.6g}" for name, value in report.losses.items())
    return f"{report.step},{report.loss:.6g},{report.learning_rate:.6g},{psnr},{speed},{report.seconds:.1f},{losses}\n"


def find_summary_writer() -> type["SummaryWriter"]:
    """Return what writes TensorBoard's event files. Raises InputError where the package isn't installed."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise InputError(
            "Logging for TensorBoard needs the package tensorboard; install it with: "
            "pip install -c constraints.txt -e '.[tensorboard]'"
        ) from None
    return SummaryWriter


class TensorBoardLog:
    """Writes a report's figures as scalars, and the centre of the first validation image each time it was measured.

    What an earlier process wrote after the step that this one goes on from, TensorBoard leaves out.
    Raises InputError where the package isn't installed.
    """

    def __init__(self, folder: Path, validation: ImageSet) -> None:
        self._create, self._folder = find_summary_writer(), folder
        self._writer: SummaryWriter | None = None
        self._original = validation.pair(0, SAMPLE_SIDE).hr[0]

    def __call__(self, report: Report) -> None:
        """Write the figures of a report."""
        writer = self._writer
        if writer is None:
            purge = min(report.began + 1, report.step)
            writer = self._writer = self._create(str(self._folder), purge_step=purge)
            writer.add_image("sample/original", self._visible(self._original), report.began)
        writer.add_scalar("loss", report.loss, report.step)
        for name, value in report.losses.items():
            writer.add_scalar(f"losses/{name}", value, report.step)
        writer.add_scalar("learning rate", report.learning_rate, report.step)
        if report.patches_per_second is not None:
            writer.add_scalar("patches per second", report.patches_per_second, report.step)
        if report.measured and report.psnr is not None:
            writer.add_scalar("PSNR dB", report.psnr, report.step)
        if report.sample is not None:
            writer.add_image("sample", self._visible(report.sample), report.step)
        # A kill then loses nothing that lies before the checkpoint.
        writer.flush()
        if report.step == report.steps:
            writer.close()

    def _visible(self, values: Tensor) -> Tensor:
        """Stretch values to the range of the original: 16-bit images use little of theirs."""
        low, high = self._original.min(), self._original.max()
        return ((values - low) / (high - low).clamp(min=1e-6)).clamp(0, 1)


def to_all(*listeners: TrainingListener | None) -> TrainingListener:
    """Return a listener that passes each report on to all of `listeners`."""

    def tell(report: Report) -> None:
        for listener in listeners:
            if listener is not None:
                listener(report)

    return tell
