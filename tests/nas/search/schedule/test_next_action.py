"""What a worker does next, as a study of given trials stands."""

from collections.abc import Mapping

import optuna
import pytest
from optuna.trial import FrozenTrial, TrialState

from nas.budget import Budget
from nas.objectives import resolve
from nas.search.history import RUNGS, history
from nas.search.interest import Interest
from nas.search.schedule.ending import Ended, Ending, joint
from nas.search.schedule.next_action import Action, TimeLeft, goes_on, next_action
from nas.search.schedule.rungs import Rungs

RANGE = Interest(limits=(Budget.parse("4G-MACs"),))
LADDER = Rungs((10, 30, 90), reduction=3, objectives=resolve(("psnr", "macs")), interest=RANGE)
WHOLE = Rungs((90,), reduction=1, objectives=resolve(("psnr", "macs")))
RUNNING, WAITING, PRUNED, COMPLETE = TrialState.RUNNING, TrialState.WAITING, TrialState.PRUNED, TrialState.COMPLETE


def study(*trials: tuple[TrialState, Mapping[int, float], float]) -> list[FrozenTrial]:
    """Return trials of these states, each of a network of its own, with the PSNR on rungs and multiply-adds."""
    made = []
    for number, (state, rungs, macs) in enumerate(trials):
        figures = {str(steps): {"psnr": psnr} for steps, psnr in rungs.items()}
        attributes = {"fingerprint": f"f{number}", "macs": macs, "params": 7}
        if rungs:
            attributes |= {RUNGS: figures, "steps": max(rungs), "train_seconds": 0.1 * max(rungs)}
        trial = optuna.create_trial(
            state=state, values=[30.0, 1.0] if state == COMPLETE else None, user_attrs=attributes
        )
        trial.number = number
        made.append(trial)
    return made


def seconds(left: float, workers: int = 1) -> TimeLeft:
    return TimeLeft(left, 1000.0, workers)


def test_a_new_candidate_is_tried_while_more_are_wanted() -> None:
    assert next_action(study(), LADDER, 1) == Action()
    assert next_action(study((PRUNED, {10: 30.0}, 1e9)), LADDER, 2) == Action()


def test_what_may_be_on_the_front_is_trained_fully_before_a_search_is_done() -> None:
    trials = study((PRUNED, {10: 30.0}, 1e9), (PRUNED, {10: 29.0}, 2e9))
    promoted = next_action(trials, LADDER, 2).promotes
    assert promoted is not None and promoted.fingerprint == "f0"
    done = study((COMPLETE, {10: 30.0, 30: 31.0, 90: 32.0}, 1e9), (PRUNED, {10: 29.0}, 2e9))
    assert next_action(done, LADDER, 2).end == Ending.DONE


def test_a_network_that_lost_its_worker_after_a_rung_comes_before_all_else() -> None:
    trials = study((WAITING, {10: 30.0}, 1e9), (PRUNED, {10: 31.0}, 1e9))
    assert next_action(trials, LADDER, 2, is_flat=True) == Action()


def test_where_others_train_what_is_still_wanted_a_worker_waits_for_them() -> None:
    trials = study((RUNNING, {}, 1e9), (PRUNED, {10: 30.0}, 1e9))
    assert next_action(trials, LADDER, 2).waits_for == (0,)
    assert next_action(trials, LADDER, 3) == Action()


def test_without_a_number_the_time_alone_ends_a_search() -> None:
    trials = study(*[(COMPLETE, {10: 30.0, 30: 31.0, 90: 32.0}, 1e9)] * 50)
    assert next_action(trials, LADDER, None, seconds(100)) == Action()
    assert next_action(trials, LADDER, None, seconds(0.5)).end == Ending.TIME_IS_UP


def test_new_candidates_begin_as_long_as_the_front_can_be_trained_fully_after_them() -> None:
    # 80 steps of 0.1 s are missing to one network of the front, and a first rung takes a second.
    trials = study((PRUNED, {10: 30.0}, 1e9), (PRUNED, {10: 29.0}, 2e9))
    assert seconds(12).suffices(history(trials), LADDER)
    assert not seconds(10).suffices(history(trials), LADDER)
    assert next_action(trials, LADDER, None, seconds(12)) == Action()
    promoted = next_action(trials, LADDER, None, seconds(10)).promotes
    assert promoted is not None and promoted.fingerprint == "f0"


def test_the_last_trainings_take_what_is_missing_to_the_front() -> None:
    trials = study((PRUNED, {10: 30.0}, 1e9), (PRUNED, {10: 29.0}, 2e9))
    assert seconds(12).closing(history(trials), LADDER) == pytest.approx(1.15 * 8)
    assert seconds(12, workers=2).closing(history(trials), LADDER) == pytest.approx(1.15 * 4)
    assert seconds(12).closing([], LADDER) == 0


def test_several_workers_share_the_last_trainings() -> None:
    trials = study((PRUNED, {10: 30.0}, 1e9), (PRUNED, {10: 31.0}, 2e9))
    assert not seconds(12, workers=1).suffices(history(trials), LADDER)
    assert seconds(12, workers=2).suffices(history(trials), LADDER)


def test_time_that_is_left_when_the_front_is_trained_is_used_for_new_candidates() -> None:
    trials = study((COMPLETE, {10: 30.0, 30: 31.0, 90: 32.0}, 1e9), (PRUNED, {10: 29.0}, 2e9))
    assert next_action(trials, LADDER, None, seconds(2)) == Action()


def test_before_anything_is_known_four_fifths_of_the_time_are_for_new_candidates() -> None:
    assert next_action(study(), LADDER, None, seconds(201)) == Action()
    assert next_action(study(), LADDER, None, seconds(199)).end == Ending.TIME_IS_UP


def test_without_rungs_candidates_begin_until_the_time_is_up() -> None:
    trials = study((COMPLETE, {90: 32.0}, 1e9))
    assert next_action(trials, WHOLE, None, seconds(1)) == Action()
    assert next_action(trials, WHOLE, None, seconds(0)).end == Ending.TIME_IS_UP


def test_a_network_goes_on_from_a_rung_by_its_place_or_where_time_is_short_by_the_front() -> None:
    trials = study((RUNNING, {10: 30.0}, 1e9), (PRUNED, {10: 31.0}, 1e9), (PRUNED, {10: 29.0}, 1e8))
    measured = history(trials)
    assert goes_on(measured, LADDER, "f1", 10) and not goes_on(measured, LADDER, "f0", 10)
    assert goes_on(measured, LADDER, "f1", 10, seconds(1)) and goes_on(measured, LADDER, "f2", 10, seconds(1))
    assert not goes_on(measured, LADDER, "f0", 10, seconds(1))
    assert not goes_on(measured, LADDER, "f2", 10, seconds(0))


@pytest.mark.parametrize(("flat", "end"), [(True, Ending.FLAT), (False, Ending.TIME_IS_UP)])
def test_a_search_says_which_of_its_ends_it_was(flat: bool, end: Ending) -> None:
    trials = study((COMPLETE, {10: 30.0, 30: 31.0, 90: 32.0}, 1e9))
    assert next_action(trials, LADDER, None, seconds(0.1), flat).end == end


def test_the_ending_of_a_search_is_the_most_final_of_its_workers() -> None:
    ended = [Ended(kind, kind.value) for kind in reversed(Ending)]
    assert joint(ended) == Ended(Ending.DONE, "done")
    assert joint(ended[:2]) == Ended(Ending.NOTHING_NEW, "nothing new")
    assert joint([]) is None
