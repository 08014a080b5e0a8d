"""Studies with networks of given figures, without a training."""

import optuna
from optuna.trial import TrialState

from nas.search.run import Run
from search_spaces import Architecture

DISTRIBUTIONS = {
    "width": optuna.distributions.IntDistribution(1, 64),
    "kernel": optuna.distributions.CategoricalDistribution([1, 3]),
    "padded": optuna.distributions.CategoricalDistribution([False, True]),
}


def add(
    run: Run, width: int, psnr: float, macs: float, *, paused: bool = False, promoted_from: int | None = None
) -> int:
    """Add a measured network to the study of a run of the space `dots`; return the number of the trial."""
    choices = {"width": width, "kernel": 1, "padded": False}
    figures = {"psnr": psnr, "ssim": 0.9}
    steps = run.settings.rungs[0] if paused else run.settings.recipe.steps
    attributes = figures | {
        "macs": macs,
        "params": 10.0 * width,
        "seconds": 1.0,
        "fingerprint": Architecture("dots", 2, 1, choices).fingerprint,
        "rungs": {str(steps): figures},
    }
    if promoted_from is not None:
        attributes["promoted_from"] = promoted_from
    run.study.add_trial(
        optuna.create_trial(
            state=TrialState.PRUNED if paused else TrialState.COMPLETE,
            values=None if paused else [psnr, macs],
            params=choices,
            distributions=DISTRIBUTIONS,
            user_attrs=attributes,
        )
    )
    return run.study.get_trials()[-1].number
