"""Listeners that write the reports of a training to disk: a CSV file, and TensorBoard's event files on request."""

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
    """Appends a row for each report to a CSV file. `psnr` is empty if nothing was measured at this step.

    `loss` is the weighted sum of the losses. `losses` has each loss, as `l1=0.012 fft=0.034`, in one column, because
    the stages of a recipe may have different losses.

    A training that continues from a checkpoint first removes the rows after the checkpoint, and a new training removes
    all rows. Raises RunError if the file can't be written.
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
    """Tell whether a line is a row that this training will not write again. A kill may have torn the last line."""
    step = line.partition(",")[0]
    whole = line.endswith("\n") and line.count(",") == len(COLUMNS) - 1
    # After a kill at the very end, the last step is measured and reported again, so its row is dropped.
    return whole and step.isdecimal() and int(step) <= report.began and int(step) < report.step


def _row(report: Report) -> str:
    psnr = f"{report.psnr:.4f}" if report.measured else ""
    speed = "" if report.patches_per_second is None else f"{report.patches_per_second:.1f}"
    losses = " ".join(f"{name}={value:.6g}" for name, value in report.losses.items())
    return f"{report.step},{report.loss:.6g},{report.learning_rate:.6g},{psnr},{speed},{report.seconds:.1f},{losses}\n"


def find_summary_writer() -> type["SummaryWriter"]:
    """Return the writer of TensorBoard's event files. Raises InputError if the package isn't installed."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise InputError(
            "Logging for TensorBoard needs the package tensorboard; install it with: "
            "pip install -c constraints.txt -e '.[tensorboard]'"
        ) from None
    return SummaryWriter


class TensorBoardLog:
    """Writes the figures of each report as scalars, and the sample image of each validation.

    TensorBoard hides what an earlier process wrote after the step from which this process continues. Raises InputError
    if the package isn't installed.
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
        # After a flush, a kill loses nothing that lies before the checkpoint.
        writer.flush()
        if report.step == report.steps:
            writer.close()

    def _visible(self, values: Tensor) -> Tensor:
        """Stretch values to the range of the original, because 16-bit images use little of the range 0..1."""
        low, high = self._original.min(), self._original.max()
        return ((values - low) / (high - low).clamp(min=1e-6)).clamp(0, 1)


def to_all(*listeners: TrainingListener | None) -> TrainingListener:
    """Return a listener that passes each report to all `listeners`."""

    def tell(report: Report) -> None:
        for listener in listeners:
            if listener is not None:
                listener(report)

    return tell
