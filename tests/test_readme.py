"""Every command of the README does what it says, in the order a user reads them, on small images and briefly."""

import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
import torch

from nas.data.images import read_image
from search_spaces import Architecture

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
TINY = "base: brief\nsteps: 4\nbatch: 2\npatch: 8\nvalidations: 1\nvalidation_crop: 32\nprecision: float32\n"
SHORT = {
    "search": ["--recipe", "tiny.yaml", "--trials", "3"],
    "worker": [],
    "train": ["--recipe", "tiny.yaml", "--steps", "6"],
}
"""What makes a command of the README short."""


def commands(text: str = README) -> list[str]:
    blocks = re.findall(r"```bash\n(.*?)```", text, flags=re.DOTALL)
    lines = [line.split("#")[0].strip() for block in blocks for line in block.splitlines()]
    return [command.strip() for line in lines for command in line.split("&&") if command.strip()]


NAS = [shlex.split(command)[1:] for command in commands() if command.startswith("nas ")]


def test_the_readme_names_every_command() -> None:
    shown = {words[0] for words in NAS}
    listed = subprocess.run([sys.executable, "-m", "nas", "--help"], capture_output=True, text=True, check=True).stdout
    known = set(re.findall(r"^[│ ] {1,2}([a-z]+)  ", listed, flags=re.MULTILINE))
    assert known, listed
    assert known <= shown


def test_ci_runs_the_test_command_of_the_readme() -> None:
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "pip install -c constraints.txt -e '.[dev]'" in commands()
    assert "-c constraints.txt -e '.[dev]'" in ci
    assert commands()[commands().index("pip install -c constraints.txt -e '.[dev]'") + 1] == "pytest"
    assert ci.rstrip().endswith("pytest")


@pytest.mark.timeout(900)
def test_every_command_works(tiny_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("tiny.yaml").write_text(TINY)
    for name, text in re.findall(r"```yaml\n# (\S+)\n(.*?)```", README, flags=re.DOTALL):
        Path(name).write_text(text)
    image = next((tiny_data / "val").iterdir())
    Path("some.png").write_bytes(image.read_bytes())
    torch.save(Architecture.published("imdn/IMDN-RTC", channels=3).build().state_dict(), "model_RTC.pth")
    for words in NAS:
        if words[0] == "dashboard":
            check_dashboard(words)
        else:
            run(localised(words, tiny_data))
    height, width = read_image(image).shape
    assert read_image(Path("some_x2.png")).shape == (2 * height, 2 * width)
    assert {p.name for p in Path("out").iterdir()} >= {
        "architecture.yaml",
        "weights.safetensors",
        "model.onnx",
        "retrain.yaml",
    }


def localised(words: list[str], data: Path) -> list[str]:
    """Return a command of the README with this test's images, networks and database."""
    short = SHORT.get(words[0], [])
    if "--recipe" in words:  # it has its own
        short = [word for word in short if word not in ("--recipe", "tiny.yaml")]
    return [localise(word, data) for word in words] + short


def localise(word: str, data: Path) -> str:
    word = word.replace("../shared/infrared", str(data))
    if word.startswith("postgresql"):
        return f"sqlite:///{Path('team.db').resolve()}"
    if match := re.match(r"results/first/trained/[^/]+", word):
        trained = sorted(p for p in Path("results/first/trained").iterdir() if p.is_dir())
        return word.replace(match[0], str(trained[0]))
    return word


def run(words: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "nas", *words],
        capture_output=True,
        text=True,
        timeout=200,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        check=False,
    )
    assert done.returncode == 0, f"nas {shlex.join(words)}\n{done.stdout}\n{done.stderr}"


def check_dashboard(words: list[str]) -> None:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    server = subprocess.Popen([sys.executable, "-m", "nas", *words, "--port", str(port)], stderr=subprocess.PIPE)
    try:
        assert fetch(f"http://127.0.0.1:{port}/dashboard/").startswith(b"<!DOCTYPE html>")
        assert b"first" in fetch(f"http://127.0.0.1:{port}/api/studies")
    finally:
        server.send_signal(signal.SIGINT)
        assert server.wait(timeout=20) == 0


def fetch(url: str) -> bytes:
    deadline = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                return bytes(answer.read())
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
