"""What a sampler reads of a study when it is asked for a candidate."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import optuna
from optuna.trial import FrozenTrial, TrialState

from nas.pareto import Points, best_first, losses, ranks
from nas.search.extrapolation import lifted
from nas.search.history import MeasuredNetwork, history
from nas.search.samplers.problem import Problem
from search_spaces import Choice, Choices


@dataclass(frozen=True)
class Observations:
    """A problem with the present state of its study."""

    problem: Problem
    networks: tuple[MeasuredNetwork, ...]
    """The networks that were measured in all objectives, in the order in which they were first tried."""
    figures: tuple[Mapping[str, float], ...]
    """The figures of `networks`, extrapolated to the highest rung (`nas.search.extrapolation`)."""
    tried: frozenset[str]
    """The fingerprints of all networks that were started, measured or not."""
    running: tuple[Choices, ...]
    """The choices of networks that other workers train and that have no figures yet."""
    study: optuna.Study
    trial: FrozenTrial
    """The trial that asks."""

    @classmethod
    def look(cls, problem: Problem, study: optuna.Study, trial: FrozenTrial) -> "Observations":
        """Read the study as it is now."""
        trials = [t for t in study.get_trials(deepcopy=False) if t.number != trial.number]
        networks = history(trials)
        names = [objective.name for objective in problem.objectives]
        figures = lifted(networks, problem.known)
        whole = [(k, f) for k, f in zip(networks, figures, strict=True) if all(name in f for name in names)]
        tried = {t.user_attrs["fingerprint"]: t for t in trials if "fingerprint" in t.user_attrs}
        measured = {k.fingerprint for k in networks}
        running = [t for f, t in tried.items() if t.state == TrialState.RUNNING and f not in measured]
        return cls(
            problem=problem,
            networks=tuple(k for k, _ in whole),
            figures=tuple(f for _, f in whole),
            tried=frozenset(tried),
            running=tuple(t.params for t in running),
            study=study,
            trial=trial,
        )

    @cached_property
    def unclamped(self) -> Points:
        """The networks as points to minimise, with their own costs, [N, K]."""
        return losses(self.figures, self.problem.objectives)

    @cached_property
    def points(self) -> Points:
        """`unclamped` with the costs clamped to the range of interest, [N, K]."""
        return self.problem.worth(self.unclamped)

    @cached_property
    def front(self) -> list[int]:
        """The indices of the networks that no other dominates."""
        return [i for i, rank in enumerate(ranks(self.points)) if rank == 0]

    @cached_property
    def best_first(self) -> list[int]:
        """The indices of the networks by rank, within a rank by crowding distance, the largest first."""
        return best_first(self.points)

    def parent(self, index: int) -> dict[str, Choice]:
        """Return the choices of a network, with the fixed choices of the search."""
        return self.problem.completed(self.networks[index].choices)
