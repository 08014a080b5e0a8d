from nas.report.whole import Counted, Tally


def parts(total: int, tally: Tally, seconds: float) -> str:
    counted = Counted(total, "networks")
    counted.began -= seconds
    return counted.line(tally)


def test_how_many_are_to_go_and_how_long_that_takes() -> None:
    assert parts(5, Tally(), 40) == "5 of 5 networks to go, 40 s gone"
    tally = Tally()
    tally.end(1.0)
    tally.running = 0.5
    assert parts(5, tally, 600) == "4 of 5 networks to go, 10 min gone, about 23 min left"


def test_trainings_that_were_done_before_count_for_no_speed() -> None:
    tally = Tally()
    for share in (0.0, 0.0, 1.0):
        tally.end(share)
    assert parts(4, tally, 60) == "1 of 4 networks to go, 60 s gone, about 60 s left"


def test_a_narrow_terminal_shows_the_count() -> None:
    assert Counted(5, "networks").lines(22, Tally()) == ["5 of 5 networks to go"]
