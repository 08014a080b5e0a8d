from nas.progress import Ticker


def test_every_call_tells_how_many_are_done_and_how_many_there_are() -> None:
    told: list[tuple[int, int]] = []
    tick = Ticker(lambda done, total: told.append((done, total)), 4)
    tick()
    tick(3)
    assert told == [(1, 4), (4, 4)]


def test_nobody_has_to_listen() -> None:
    Ticker(None, 1)()
