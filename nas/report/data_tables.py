"""The report on a folder of images: its contents, how they are read, and their faults."""

from rich.table import Table

from nas.check.report import PartReport, Report
from nas.data.folder import phrases
from nas.data.image_set import mixed_in_words
from nas.report.tables import table


def data_table(report: Report) -> Table:
    """Return the table of `nas data check`, with a column for each part of the data set."""
    shown = table(str(report.folder), "", *report.parts, numbers_from=1 + len(report.parts))
    parts = list(report.parts.values())
    shown.add_row("images", *(str(p.count) for p in parts))
    if any(p.files < p.count for p in parts):
        shown.add_row("in files", *(str(p.files) for p in parts))
    sizes = [", ".join(f"{w}x{h}: {n}" for (h, w), n in list(p.sizes.items())[:4]) for p in parts]
    shown.add_row("sizes", *sizes)
    shown.add_row("bits", *(", ".join(f"{depth}: {n}" for depth, n in sorted(p.bit_depths.items())) for p in parts))
    if any(p.radiometric for p in parts):
        shown.add_row("radiometric (read as counts)", *(str(p.radiometric) for p in parts))
    if any(p.counts for p in parts):
        counts = [p.counts for p in parts]
        shown.add_row("16-bit levels", *("" if c is None else f"{c.least} to {c.most}: {c.bits} bits" for c in counts))
        shown.add_row("nearly all within", *("" if c is None else f"{c.low:.0f} to {c.high:.0f}" for c in counts))
        shown.add_row("levels of one image", *("" if c is None else f"{c.one_image:.0f}" for c in counts))
    shown.add_row("coloured (read as luma)", *(str(len(p.coloured)) for p in parts))
    shown.add_row(f"too small for a {report.patch}x{report.patch} LR patch", *(str(len(p.too_small)) for p in parts))
    shown.add_row("unreadable", *(str(len(p.unreadable)) for p in parts))
    if any(p.given for p in parts):
        shown.add_row("LR images", *(f"given: {p.given}" if p.given else "made" for p in parts))
    shown.add_row(f"bicubic x{report.scale} PSNR dB", *(_per_depth(p, p.psnr, "psnr", 2) for p in parts))
    shown.add_row(f"bicubic x{report.scale} SSIM", *(_per_depth(p, p.ssim, "ssim", 4) for p in parts))
    return shown


def _per_depth(part: PartReport, mean: float | None, name: str, digits: int) -> str:
    if mean is not None:
        return f"{mean:.{digits}f}"
    figures = [f"{depth} bits: {getattr(quality, name):.{digits}f}" for depth, quality in part.by_depth.items()]
    return ", ".join(figures)


def data_notes(report: Report) -> list[str]:
    """Return lines on the normalisation of 16-bit images, and on files that are left out on purpose."""
    lines = [f"Not usable for training: {report.undivided}"] if report.undivided else []
    lines += [f"left out: {phrase}" for phrase in phrases(report.left_out)]
    if report.others:
        lines.append(f"left out: {report.others} file{'s' if report.others > 1 else ''} of text, tables and the like")
    seen, counts = report.normalisation, next(iter(report.parts.values())).counts
    if counts is None or seen.low is None or seen.high is None:
        return lines
    width = seen.high - seen.low
    line = f"'normalisation: auto' of a recipe maps {seen.low:.0f} of these images to 0 and {seen.high:.0f} to 1"
    lines.append(
        f"{line}; one image uses {100 * counts.one_image / width:.0f} % of this range; the peak of PSNR is {width:.0f}."
    )
    return lines


def data_faults(report: Report) -> list[str]:
    """Return a line for each fault."""
    lines = [f"{name}: {file} {reason}" for name, part in report.parts.items() for file, reason in part.unreadable]
    lines += [f"{name}: {file} is too small" for name, part in report.parts.items() for file in part.too_small]
    lines += [f"{name}: there is no usable image" for name, part in report.parts.items() if not part.count]
    lines += [f"{a} (train) and {b} (validation) are the same image" for a, b in report.duplicates]
    if len(report.bit_depths) > 1:
        lines.append(f"{mixed_in_words(report.bit_depths)}; put each depth into a folder of its own")
    return lines
