"""A search on images that a degradation of the command line made."""

from pathlib import Path

import pytest
import yaml
from searches import Begin, work

from nas.data.degradation import label_of
from nas.errors import InputError
from nas.search.schedule.ending import Ending

MINE = "operations:\n  - resize:\n  - gaussian-noise: {level: [1, 4]}\n"


def test_a_run_remembers_the_degradation_it_was_given(
    begin: Begin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.yaml").write_text(MINE)
    run, data = begin(degradation="mine.yaml", trials=1)
    assert data.train.afresh is not None
    assert run.settings.recipe.degradation == {"name": "mine", **yaml.safe_load(MINE)}
    assert run.protocol.degradation == data.validation.degradation == label_of("mine.yaml")
    assert work(run, data)[0] == Ending.DONE
    again, _ = begin(degradation="mine.yaml", recipe=None, trials=2)
    assert again.settings.recipe == run.settings.recipe
    Path("mine.yaml").unlink()
    assert begin(recipe=None, trials=2)[0].settings.recipe == run.settings.recipe
    with pytest.raises(InputError, match=r"has other settings \(recipe.degradation is .*, not 'bsrgan'"):
        begin(degradation="bsrgan", recipe=None)
