"""Runs the commands of the documentation as a user types them, but on small images and briefly."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import tifffile
import torch
from command import run_nas

from nas.data.files.video import write_video
from nas.data.images import read_image, write_image
from search_spaces import Architecture

ROOT = Path(__file__).parents[1]
TINY = "base: brief\nsteps: 4\nbatch: 2\npatch: 8\nvalidations: 1\nvalidation_crop: 32\nprecision: float32\n"
SHORT = {
    "search": ["--recipe", "tiny.yaml", "--trials", "3"],
    "worker": [],
    "train": ["--recipe", "tiny.yaml", "--steps", "6"],
    "benchmark build": ["--recipe", "tiny.yaml", "--space", "hybrid:18", "--repeated", "2"],
    "benchmark replay": ["--seeds", "2", "--trials", "4", "--sampler", "nsga2", "--response", "boosted"],
    "proxies rank": ["--recipe", "tiny.yaml", "--reference-recipe", "tiny.yaml", "--steps", "6", "--sample", "4"],
}
"""Options that make the commands of the documentation short."""


def commands(text: str) -> list[str]:
    blocks = re.findall(r"```bash\n(.*?)```", text, flags=re.DOTALL)
    lines = [line.split("#")[0].strip() for block in blocks for line in block.splitlines()]
    return [command.strip() for line in lines for command in line.split("&&") if command.strip()]


def nas_commands(text: str) -> list[list[str]]:
    return [shlex.split(command)[1:] for command in commands(text) if command.startswith("nas ")]


def piped_commands(text: str) -> list[str]:
    """Return the commands that pipe something into `nas`, as a shell reads them."""
    return [command for command in commands(text) if "| nas " in command]


def write_files(text: str, data: Path) -> None:
    """Write the files that the commands of `text` read into the current folder.

    These are YAML files, plugins, an image and a checkpoint. If the text needs them, 16-bit images are written beside
    `data`, and images in kelvin and a stack of frames into the current folder.
    """
    Path("tiny.yaml").write_text(TINY)
    for name, content in re.findall(r"```(?:yaml|python)\n# (\w\S+\.(?:yaml|py))\n(.*?)```", text, flags=re.DOTALL):
        Path(name).write_text(content.replace("../shared/infrared", str(data)))
    if "../shared/infrared16" in text:
        for file in data.rglob("*.png"):
            deep = Path(f"{data}16") / file.relative_to(data)
            deep.parent.mkdir(parents=True, exist_ok=True)
            write_image(deep, read_image(file).astype(np.uint16) * 8 + 14_000)
    if " kelvin " in text:
        for number, file in enumerate(sorted(data.rglob("*.png"))):
            warm = Path("kelvin") / file.relative_to(data).with_suffix(".tif")
            warm.parent.mkdir(parents=True, exist_ok=True)
            tifffile.imwrite(warm, read_image(file).astype(np.float32) * 0.08 + 280 + number)
        tifffile.imwrite("seq.tif", np.stack([read_image(file).astype(np.uint16) * 8 for file in data.rglob("*.png")]))
    if "night" in text and "flight.avi" in text:
        write_night(data)
    Path("some.png").write_bytes(next((data / "val").iterdir()).read_bytes())
    torch.save(Architecture.published("imdn/IMDN-RTC", channels=3).build().state_dict(), "model_RTC.pth")


def write_night(data: Path) -> None:
    """Write a folder of images, and a video of them."""
    Path("night").mkdir()
    frames = [read_image(file) for file in sorted(data.rglob("*.png"))]
    for number, frame in enumerate(frames):
        write_image(Path("night") / f"{number}.png", frame)
    write_video(Path("flight.avi"), iter(frames), 25)


def localised(words: list[str], data: Path) -> list[str]:
    """Return a documented command with the images, networks and database of this test."""
    short = SHORT.get(words[0]) or SHORT.get(" ".join(words[:2]), [])
    if "--recipe" in words:  # the command has its own recipe
        short = [word for word in short if word not in ("--recipe", "tiny.yaml")]
    return [localise(word, data) for word in words] + short


def localise(word: str, data: Path) -> str:
    word = word.replace("../shared/infrared", str(data))
    if word.startswith("postgresql"):
        return f"sqlite:///{Path('team.db').resolve()}"
    if re.fullmatch(r"first:\d+", word):
        with_weights = sorted(int(path.name) for path in Path("results/first/candidates").iterdir())
        return f"first:{with_weights[0]}"
    return word


def run_piped(command: str, data: Path) -> None:
    """Run a command with pipes by a shell."""
    text = localise(command, data).replace("| nas ", f"| {shlex.quote(sys.executable)} -m nas ")
    ended = subprocess.run(["bash", "-c", text], capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 0, f"{command}\n{ended.stderr}"


def run(words: list[str]) -> None:
    ended = run_nas(Path.cwd(), *words)
    assert ended.code == 0, f"nas {shlex.join(words)}\n{ended.out}\n{ended.errors}"
