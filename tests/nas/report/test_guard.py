import base64

import pytest

from nas.report.guard import FREE_GUESSES, MOST_CLIENTS, MOST_WAIT, Names, Password


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def basic(password: str) -> str:
    return "Basic " + base64.b64encode(f"me:{password}".encode()).decode()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def password(clock: Clock) -> Password:
    return Password("right", clock)


def test_the_wait_doubles_up_to_a_minute_and_ends_with_the_right_password(password: Password, clock: Clock) -> None:
    waits = []
    for guess in range(FREE_GUESSES + 9):
        wait = password.check("10.0.0.1", basic(str(guess)))
        assert wait is not None
        waits.append(wait)
        clock.now += wait
    assert waits == [0] * FREE_GUESSES + [1, 2, 4, 8, 16, 32, MOST_WAIT, MOST_WAIT, MOST_WAIT]
    assert password.check("10.0.0.1", basic("right")) is None
    assert password.check("10.0.0.1", basic("wrong")) == 0


def test_while_a_client_waits_its_passwords_are_not_looked_at_and_others_need_not_wait(
    password: Password, clock: Clock
) -> None:
    for guess in range(FREE_GUESSES + 2):
        clock.now += 1
        password.check("10.0.0.1", basic(str(guess)))
    clock.now += 0.5
    assert password.check("10.0.0.1", basic("right")) == 1.5
    assert password.check("10.0.0.2", basic("right")) is None


def test_the_same_wrong_password_again_is_no_new_guess(password: Password) -> None:
    assert [password.check("10.0.0.1", basic("old")) for _ in range(50)] == [0] * 50
    assert [password.check("10.0.0.1", "") for _ in range(50)] == [0] * 50
    assert password.check("10.0.0.1", basic("right")) is None


def test_the_addresses_of_one_ipv6_network_are_one_client(password: Password) -> None:
    waits = [password.check(f"2001:db8::{number:x}", basic(str(number))) for number in range(FREE_GUESSES + 1)]
    assert waits[-1] == 1
    assert password.check("2001:db8:0:1::1", basic("wrong")) == 0


def test_no_more_clients_are_remembered_than_memory_is_for(password: Password) -> None:
    for number in range(MOST_CLIENTS + 500):
        password.check(f"10.0.{number // 256}.{number % 256}", basic("wrong"))
    assert password.remembered == MOST_CLIENTS


@pytest.mark.parametrize("host", ["192.168.1.5", "camera-lab"])
def test_what_it_was_started_with_names_it(host: str) -> None:
    names = Names(host)
    assert names.allow(host) and names.allow(f"{host.upper()}:8080") and names.allow("localhost:8080")
    assert (
        not names.allow("192.168.1.6") and not names.allow("evil.example") and not names.allow(f"{host}.evil.example")
    )
