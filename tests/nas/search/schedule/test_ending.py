from nas.search.schedule.ending import Ended, Ending, joint


def ended(*endings: Ending) -> Ending | None:
    found = joint(Ended(ending, ending.value) for ending in endings)
    return None if found is None else found.ending


def test_one_worker_that_is_done_makes_the_search_done() -> None:
    assert ended(Ending.STOPPED, Ending.DONE) == Ending.DONE
    assert ended(Ending.ALL_FAIL, Ending.TIME_IS_UP) == Ending.TIME_IS_UP
    assert ended(Ending.ALL_FAIL, Ending.ALL_FAIL) == Ending.ALL_FAIL


def test_without_a_worker_that_ended_there_is_no_ending() -> None:
    assert ended() is None


def test_what_is_final_has_nothing_more_to_do() -> None:
    assert {ending for ending in Ending if Ended(ending, "").is_final} == {Ending.DONE, Ending.FLAT}
