"""Records of a run: its networks and its status."""

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
    """The name of the published network (`falsr/FALSR-B`), else `RUN:TRIAL`."""
    trial: int
    """The number of its Optuna trial; of several trials of one network, of the first."""
    psnr: float
    """PSNR in dB, by the protocol of the run."""
    ssim: float | None
    """SSIM by the same protocol; None if the search did not measure it."""
    macs: int
    """Multiply-adds for one HR image of the run's size."""
    params: int
    """Trainable parameters."""
    published: bool
    """Whether it is a published network of the space."""
    folder: Path
    """The model directory of the search's brief training; `nas.load` reads it."""
    architecture: Architecture = field(repr=False)
    """The architecture: space, scale, channels and choices."""
    figures: dict[str, float] = field(repr=False, compare=False)
    """All figures by the names of the objectives: psnr, ssim, macs, params, and latency (ms) and memory (bytes) if the
    search asks for them."""

    def build(self) -> nn.Module:
        """Return the network with random weights: [N, 1, h, w] → [N, 1, scale · h, scale · w], values in 0..1.

        Example:
            >>> nas.open("first").front()[0].build().training
            True
        """
        return self.architecture.build()


@dataclass(frozen=True)
class RunStatus:
    """The progress of a search.

    Example:
        >>> status = nas.open("first").status
        >>> status.trained, status.running
        (3, 0)
    """

    wanted: int
    """Candidates that the search is to try."""
    tried: int
    """Candidates that were measured on at least one rung."""
    trained: int
    """Candidates that were trained to the end of the brief recipe."""
    paused: int
    """Candidates that wait at a rung."""
    running: int
    """Candidates that workers train at this moment."""
    given_up: int
    """Candidates that failed."""


def found_network(candidate: Candidate, run: Run) -> FoundNetwork:
    """Return the record of a trained candidate."""
    figures = dict(candidate.figures)
    return FoundNetwork(
        name=candidate.label,
        trial=candidate.trial,
        psnr=figures["psnr"],
        ssim=figures.get("ssim"),
        macs=int(figures["macs"]),
        params=int(figures["params"]),
        published=candidate.published,
        folder=run.candidate_folder(candidate.last_trial),
        architecture=candidate.architecture,
        figures=figures,
    )
