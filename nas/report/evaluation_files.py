"""The files of `nas evaluate`: figures as JSON, a CSV row for each image and network, and pictures of crops."""

import csv
import io
import re
from pathlib import Path
from typing import Any

from nas.data.folder import SIGNED
from nas.evaluation.comparison import Evaluation
from nas.files import make_folder, replacing, write_atomic
from nas.report.crop_picture import draw_crops


def evaluation_data(evaluation: Evaluation) -> dict[str, Any]:
    """Return the means as plain data, for JSON."""
    return {
        "protocol": evaluation.protocol.to_dict(),
        "metrics": {
            metric.name: {"label": metric.label, "unit": metric.unit, "higher_is_better": metric.higher_is_better}
            for metric in evaluation.metrics
        },
        "results": evaluation.means,
        "notes": list(evaluation.notes),
    }


def write_csv(evaluation: Evaluation, path: Path) -> None:
    """Write a CSV row with the protocol for each image and network. Raises InputError if the file can't be written."""
    names = [metric.name for metric in evaluation.metrics]
    protocol = evaluation.protocol.describe()
    text = io.StringIO()
    rows = csv.writer(text)
    rows.writerow(["image", "network", *names, "protocol"])
    for label, measurement in evaluation.rows:
        for image, figures in measurement.per_image:
            rows.writerow([image, label, *(f"{figures[name]:.6f}" for name in names), protocol])
    make_folder(path.parent)
    write_atomic(path, text.getvalue())


def write_pictures(evaluation: Evaluation, folder: Path) -> list[Path]:
    """Write a picture of the best and worst crops of each network, and return the paths.

    Files are named after the networks, without characters that file names do not allow. Raises InputError as
    `write_csv` does.
    """
    paths = []
    make_folder(folder)
    for label, pictured in evaluation.pictured.items():
        path = folder / f"{re.sub(r'[^A-Za-z0-9._-]+', '-', label).strip('-')}.png"
        drawn = draw_crops(label, evaluation.rows[0][0], pictured, evaluation.protocol.describe())
        with replacing(path) as temporary:
            drawn.savefig(temporary, format="png", metadata=SIGNED)
        paths.append(path)
    return paths
