"""A search on a real terminal: what the screen shows while it goes on, and what stays of it."""

import re
from pathlib import Path

import pytest
from pseudo_terminal import terminal

from .conftest import DOTS, RECIPE

pytestmark = pytest.mark.timeout(600)


def search(folder: Path, images: Path, steps: int, *more: object) -> tuple[object, ...]:
    (folder / "slow.yaml").write_text(RECIPE.replace("steps: 4", f"steps: {steps}"))
    return (
        *("search", "--run", "first", "--space", "dots", "--plugin", DOTS, "--budget", "300M-MACs", "--data", images),
        *("--recipe", "slow.yaml", "--sampler", "random", *more),
    )


def shows(pattern: str, lines: list[str]) -> bool:
    return any(re.match(pattern, line) for line in lines)


def test_the_whole_stands_above_the_trainings_without_wrapping_and_goes_at_the_end(
    tiny_data: Path, tmp_path: Path
) -> None:
    words = search(tmp_path, tiny_data, 300, "--trials", 7, "--rungs", "100,300")
    with terminal(tmp_path, *words) as shown:
        screen = shown.until(lambda lines: shows(r"first: [1-6] of 7 candidates", lines))
        at = next(i for i, line in enumerate(screen) if line.startswith("first: "))
        whole = [line for line in screen[at:] if line]
        assert re.match(r"first: \d of 7 candidates, \d+ s gone", whole[0])
        assert re.match(r"\d+ (trained to the end|paused|promoted|in training)", whole[1])
        assert [line.split("  ")[0] for line in whole[2:5]] == [f"best within {n}M MACs" for n in (300, 150, 75)]
        assert re.search(r"  \d\d\.\d\d dB  [+-]\d+\.\d\d  \S+M", whole[2])
        assert len(whole) <= 6 and all(re.match(r"(:\d+|dots/\S+) \(", line) for line in whole[5:])
        shown.until(lambda lines: any(re.search(r"━+─*  \d+/300 steps", line) for line in lines))
        assert shown.end() == 0
        left = "\n".join((*shown.scrolled, *shown.lines))
    assert "best within" not in left and " candidates, " not in left and "Next: nas front first" in left


@pytest.mark.slow
def test_several_jobs_and_a_worker_on_a_tiny_terminal_show_the_whole(tiny_data: Path, tmp_path: Path) -> None:
    words = search(tmp_path, tiny_data, 2_000, "--trials", 40, "--rungs", "2000", "--jobs", 2)
    with terminal(tmp_path, *words) as first:
        first.until(lambda lines: sum(bool(re.search(r"━*─*  \d+/2000 steps", line)) for line in lines) == 2)
        first.until(lambda lines: shows(r"2 in training", lines))
        with terminal(tmp_path, "worker", "first", "--plugin", DOTS, columns=30, rows=6) as second:
            second.until(lambda lines: shows(r"first: \d+ of 40 candidates", lines))
        first.until(lambda lines: shows(r".*[23] in training", lines))
