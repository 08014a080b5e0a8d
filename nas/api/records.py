"""What a run is told as: plain records that don't change."""

from dataclasses import dataclass, field
from pathlib import Path

from torch import nn

from nas.search.front import Candidate
from nas.search.run import Run
from search_spaces import Architecture


@dataclass(frozen=True)
class FoundNetwork:
    """A network that a search has trained to the end of its brief recipe.

    Example:
        >>> found = nas.open("first").front()[0]
        >>> found.psnr > 0, found.macs > 0, found.name.startswith(("first:", "dots/"))
        (True, True, True)
        >>> found.architecture.space
        'dots'
    """

    name: str
    """The published network that it is (`falsr/FALSR-B`), else `RUN:TRIAL`."""
    trial: int
    """The number of its Optuna trial."""
    psnr: float
    """dB, by the protocol of the run."""
    ssim: float | None
    """None where the search didn't measure it."""
    macs: int
    """Multiply-adds for one HR image of the run's size."""
    params: int
    """Trainable parameters."""
    published: bool
    """Whether it is a published network of the space."""
    folder: Path
    """Its model directory, as the search has trained it; `nas.load` reads it."""
    architecture: Architecture = field(repr=False)
    figures: dict[str, float] = field(repr=False, compare=False)
    """All its figures, by the names of the objectives: psnr, ssim, macs, params, and latency (ms) and memory (bytes)
    where the search asked for them."""

    def build(self) -> nn.Module:
        """Return the network with new random weights: [N, 1, h, w] → [N, 1, scale · h, scale · w], values in 0..1.

        Example:
            >>> nas.open("first").front()[0].build().training
            True
        """
        return self.architecture.build()


@dataclass(frozen=True)
class RunStatus:
    """How far a search is.

    Example:
        >>> status = nas.open("first").status
        >>> status.trained, status.running
        (3, 0)
    """

    wanted: int
    """Candidates that the search was asked to try."""
    tried: int
    """Candidates that were measured, however far they were trained."""
    trained: int
    """Candidates that were trained to the end of the brief recipe."""
    paused: int
    """Candidates that wait at a rung."""
    running: int
    """Candidates that workers train at this moment."""
    given_up: int
    """Candidates that failed."""


def found_network(candidate: Candidate, run: Run) -> FoundNetwork:
    """Return a trained candidate of a run as its user sees it."""
    figures = dict(candidate.figures)
    return FoundNetwork(
        name=candidate.label,
        trial=candidate.trial,
        psnr=figures["psnr"],
        ssim=figures.get("ssim"),
        macs=int(figures["macs"]),
        params=int(figures["params"]),
        published=candidate.published,
        folder=run.candidate_folder(candidate.trial),
        architecture=candidate.architecture,
        figures=figures,
    )
