import base64
import contextlib
import json
import platform
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import optuna
import pytest
from optuna.storages import RDBStorage

from nas.errors import InputError
from nas.report.dashboard import check_host, dashboard_app, listen
from nas.report.guard import FREE_GUESSES

NAME = "night-300g"
PASSWORD = "correct horse: bätterie"
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")


@pytest.fixture
def storage(tmp_path: Path) -> RDBStorage:
    """A study of PSNR in dB and GMACs with three trials."""
    storage = RDBStorage(f"sqlite:///{tmp_path / 'study.db'}")
    study = optuna.create_study(storage=storage, study_name=NAME, directions=["maximize", "minimize"])
    study.set_metric_names(["PSNR", "GMACs"])
    for width, psnr, macs in ((16, 33.1, 5.5), (32, 33.6, 74.7), (48, 33.7, 234.7)):
        trial = study.ask()
        trial.suggest_int("width", width, width)
        study.tell(trial, [psnr, macs])
    return storage


@contextlib.contextmanager
def running(
    storage: RDBStorage,
    artifacts: Path,
    password: str | None = None,
    host: str = "127.0.0.1",
    names: tuple[str, ...] = (),
) -> Iterator[str]:
    """Serve the dashboard on a free port; yields its address."""
    stop = threading.Event()
    app = dashboard_app(storage, artifacts, password, host, names)
    with listen(app, host, 0) as server:
        thread = threading.Thread(target=server.run, args=(stop.is_set,))
        thread.start()
        try:
            yield server.address.rstrip("/")
        finally:
            stop.set()
            thread.join()


def ask(
    url: str, password: str | None = None, method: str = "GET", user: str = "anyone", **headers: str
) -> tuple[int, bytes]:
    request = urllib.request.Request(url, method=method, headers=headers)
    if password is not None:
        credentials = base64.b64encode(f"{user}:{password}".encode()).decode()
        request.add_header("Authorization", f"Basic {credentials}")
    try:
        with urllib.request.urlopen(request, timeout=20) as response:
            return response.status, response.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def studies(storage: RDBStorage) -> list[str]:
    return optuna.get_all_study_names(storage)


def test_without_a_password_it_is_open(storage: RDBStorage, tmp_path: Path) -> None:
    with running(storage, tmp_path / "artifacts", None) as url:
        assert ask(f"{url}/dashboard")[0] == 200
        status, body = ask(f"{url}/api/studies")
    assert status == 200
    assert [study["study_name"] for study in json.loads(body)["study_summaries"]] == [NAME]


def test_with_a_password_only_its_owner_gets_in(storage: RDBStorage, tmp_path: Path) -> None:
    with running(storage, tmp_path / "artifacts", PASSWORD) as url:
        for path in ("/dashboard", "/api/studies", "/api/studies/1"):
            assert ask(url + path)[0] == 401
            assert ask(url + path, "wrong")[0] == 401
            assert ask(url + path, "")[0] == 401
            assert ask(url + path, PASSWORD)[0] == 200
            assert ask(url + path, PASSWORD, user="")[0] == 200


@pytest.mark.parametrize("header", ["Basic", "Basic ???", "Bearer Y29ycmVjdA==", "Basic " + "A" * 9999, "é"])
def test_a_malformed_header_is_refused(storage: RDBStorage, tmp_path: Path, header: str) -> None:
    with running(storage, tmp_path / "artifacts", PASSWORD) as url:
        request = urllib.request.Request(url, headers={"Authorization": header})
        with pytest.raises(urllib.error.HTTPError, match="401") as refusal:
            urllib.request.urlopen(request, timeout=20)
    assert refusal.value.headers["WWW-Authenticate"].startswith("Basic realm=")


def test_a_stranger_can_not_delete_the_study(storage: RDBStorage, tmp_path: Path) -> None:
    with running(storage, tmp_path / "artifacts", PASSWORD) as url:
        assert ask(f"{url}/api/studies/1", method="DELETE")[0] == 401
        assert ask(f"{url}/api/studies/1", "wrong", method="DELETE")[0] == 401
        assert studies(storage) == [NAME]
        assert ask(f"{url}/api/studies/1", PASSWORD, method="DELETE")[0] == 204
    assert studies(storage) == []


def test_requests_are_not_printed(storage: RDBStorage, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with running(storage, tmp_path / "artifacts", PASSWORD) as url:
        capfd.readouterr()
        ask(f"{url}/api/studies")
        ask(f"{url}/api/studies", PASSWORD)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.10", "localhost", "::1"])
def test_the_loopback_needs_no_password(host: str) -> None:
    check_host(host, None)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "my-computer", ""])
def test_every_other_host_needs_a_password(host: str) -> None:
    with pytest.raises(InputError, match=rf"--host {host} lets anyone .* NAS_DASHBOARD_PASSWORD\."):
        check_host(host, None)
    with pytest.raises(InputError):
        check_host(host, "")
    check_host(host, PASSWORD)


def test_a_busy_port_is_named(storage: RDBStorage, tmp_path: Path) -> None:
    app = dashboard_app(storage, tmp_path / "artifacts", None)
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(InputError, match=f"Port {port} is in use; choose another with --port"):
            listen(app, "127.0.0.1", port).__enter__()


@pytest.mark.parametrize(("host", "port"), [("127.0.0.1", 99999), ("203.0.113.7", 8080)])
def test_what_can_not_be_listened_on_is_named(host: str, port: int) -> None:
    with pytest.raises(InputError, match=rf"{host}, port {port}"):
        listen(lambda environ, start_response: [], host, port).__enter__()


def test_it_says_where_it_listens_once_it_does_and_ctrl_c_ends_it_cleanly(storage: RDBStorage) -> None:
    code = """
from nas.report.dashboard import listen
with listen(lambda environ, start: (start("200 OK", []), [b"hello"])[1], "127.0.0.1", 0) as server:
    print(server.address, flush=True)
    server.run()
"""
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert ask(process.stdout.readline().strip()) == (200, b"hello")
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (0, "")


@pytest.mark.parametrize(("host", "starts"), [("::1", "http://[::1]:"), ("localhost", "http://localhost:")])
def test_an_address_can_be_opened_as_it_is_told(storage: RDBStorage, tmp_path: Path, host: str, starts: str) -> None:
    with running(storage, tmp_path / "artifacts", host=host) as url:
        assert url.startswith(starts)
        assert ask(f"{url}/api/studies")[0] == 200


@pytest.mark.parametrize("password", [None, PASSWORD])
def test_a_page_whose_name_leads_here_can_not_use_it(storage: RDBStorage, tmp_path: Path, password: str | None) -> None:
    with running(storage, tmp_path / "artifacts", password) as url:
        port = url.rpartition(":")[2]
        for name in ("evil.example", f"evil.example:{port}", "localhost.evil.example", "203.0.113.7", "localhost@evil"):
            status, said = ask(f"{url}/api/studies/1", password, "DELETE", Host=name)
            assert (status, said[:32]) == (421, b"The dashboard doesn't answer to ")
            assert ask(f"{url}/api/studies", password, Host=name)[0] == 421
        for name in ("localhost", f"LOCALHOST:{port}", "localhost.", "127.0.0.1:80", f"[::1]:{port}"):
            assert ask(f"{url}/api/studies", password, Host=name)[0] == 200
    assert studies(storage) == [NAME]


def test_a_request_that_names_no_host_is_refused(storage: RDBStorage, tmp_path: Path) -> None:
    with running(storage, tmp_path / "artifacts") as url:
        place = ("127.0.0.1", int(url.rpartition(":")[2]))
        for request in (b"GET /api/studies HTTP/1.0\r\n\r\n", b"GET / HTTP/1.1\r\nHost: \r\nConnection: close\r\n\r\n"):
            with socket.create_connection(place, timeout=20) as connection:
                connection.sendall(request)
                assert b" 421 Misdirected" in connection.makefile("rb").readline()


def test_pages_of_others_change_nothing(storage: RDBStorage, tmp_path: Path) -> None:
    with running(storage, tmp_path / "artifacts", PASSWORD) as url:
        for origin in ("http://evil.example", "null", "http://127.0.0.1:1", "http://localhost", ""):
            assert ask(f"{url}/api/studies/1", PASSWORD, "DELETE", Origin=origin)[0] == 403
        assert studies(storage) == [NAME]
        assert ask(f"{url}/api/studies", PASSWORD, Origin="http://evil.example")[0] == 200
        assert ask(f"{url}/api/studies/1", PASSWORD, "DELETE", Origin=url)[0] == 204
    assert studies(storage) == []


def test_a_proxy_s_name_is_let_in_when_it_is_given(storage: RDBStorage, tmp_path: Path) -> None:
    with running(storage, tmp_path / "artifacts", names=("Nas.Example.org",)) as url:
        assert ask(f"{url}/api/studies", Host="nas.example.org")[0] == 200
        assert ask(f"{url}/api/studies", Host="other.example.org")[0] == 421
        assert ask(f"{url}/api/studies/1", method="DELETE", Origin="https://nas.example.org")[0] == 204


def test_all_addresses_of_this_computer_and_its_name_are_let_in_where_it_listens_on_all(
    storage: RDBStorage, tmp_path: Path
) -> None:
    with running(storage, tmp_path / "artifacts", PASSWORD, host="0.0.0.0") as url:
        port = url.rpartition(":")[2]
        assert url == f"http://{platform.node()}:{port}"
        for name in (platform.node(), "192.168.1.5:8080", "[fe80::1]", "localhost"):
            assert ask(f"http://127.0.0.1:{port}/api/studies", PASSWORD, Host=name)[0] == 200
        assert ask(f"http://127.0.0.1:{port}/api/studies", PASSWORD, Host="evil.example")[0] == 421


def test_no_other_page_may_show_it_inside_itself(storage: RDBStorage, tmp_path: Path) -> None:
    with running(storage, tmp_path / "artifacts") as url, urllib.request.urlopen(f"{url}/dashboard") as answer:
        assert answer.headers["X-Frame-Options"] == "SAMEORIGIN"


def test_who_guesses_must_wait(storage: RDBStorage, tmp_path: Path) -> None:
    with running(storage, tmp_path / "artifacts", PASSWORD) as url:
        for guess in range(FREE_GUESSES):
            assert ask(f"{url}/api/studies", f"guess {guess}")[0] == 401
        assert ask(f"{url}/api/studies", "one more")[0] == 429
        status, said = ask(f"{url}/api/studies", PASSWORD)  # is not looked at now
        assert (status, said) == (429, b"Wait 1 s before the next password.\n")
        time.sleep(1.1)
        assert ask(f"{url}/api/studies", PASSWORD)[0] == 200


@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
def test_a_browser_shows_the_study(storage: RDBStorage, tmp_path: Path) -> None:
    assert CHROMIUM is not None
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    options += [f"--user-data-dir={tmp_path / 'profile'}", "--virtual-time-budget=10000", "--dump-dom"]
    with running(storage, tmp_path / "artifacts", None) as url:
        page = subprocess.run(
            [CHROMIUM, *options, f"{url}/dashboard"], capture_output=True, text=True, timeout=120, check=True
        )
    assert NAME in page.stdout
