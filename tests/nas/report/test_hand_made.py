import re
from pathlib import Path

import pytest
from searches import CPU, Begin, Listener, beginner, settings, work

from nas.evidence.benchmark.build import work_on
from nas.evidence.hand_made import HandMade
from nas.gain import Gain
from nas.report.front_files import summarise, view_of
from nas.report.hand_made import gain_lines, hand_made_table, in_words


@pytest.fixture
def begin(tmp_path: Path, tiny_data: Path) -> Begin:
    return beginner(tmp_path, tiny_data)


def test_before_they_are_trained_the_command_is_named_then_the_gain(begin: Begin) -> None:
    run, data = begin(trials=2)
    work(run, data)
    (line,) = gain_lines(run.snapshot(), run.folder.parent)
    assert re.fullmatch(
        r"Gain over hand-made: not known yet; nas hand-made first trains the published networks.*", line
    )
    assert summarise(run.snapshot())["gain_over_hand_made"] is None
    known = HandMade.of(run)
    work_on(known.build(data, CPU), (CPU,), Listener(), lambda: False)
    (line,) = gain_lines(run.snapshot(), run.folder.parent)
    assert re.match(r"Gain over hand-made: [+-]\d+\.\d\d dB on average from .* to 300.0M MACs", line), line
    known = HandMade.of(run)
    assert hand_made_table(known).row_count == len(known.rows)
    assert isinstance(summarise(run.snapshot())["gain_over_hand_made"], dict)
    shown = [dot for dot in view_of(run.snapshot()).dots if dot.kind == "hand-made"]
    assert {dot.remark for dot in shown} <= {"as published", "with the image skip"} and shown
    assert len({dot.label for dot in shown}) == len(shown) < len(known.rows)


def test_a_gain_is_told_in_one_sentence() -> None:
    gain = Gain(low=1.25e9, high=1e10, mean=0.123, least=-0.03, at={1.0: 0.06}, saving=0.44)
    told = in_words(gain, settings())
    assert told.startswith("+0.12 dB on average from 1.250G to 10.00G MACs, +0.06 at the budget, at least -0.03, ")
    assert told.endswith("44% fewer MACs at equal PSNR")
    dearer = Gain(low=1.25e9, high=1e10, mean=-0.1, least=-0.2, at={}, saving=-0.1)
    assert in_words(dearer, settings()).endswith("at least -0.20, 10% more MACs at equal PSNR")
