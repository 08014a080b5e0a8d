import pytest
from rich.console import Console
from torch import Tensor, nn

import nas.report.costs as costs
from nas.cost import cost
from nas.errors import InputError
from nas.jobs.naming import NamedArchitecture, resolve
from nas.report.costs import Count, cost_notes, cost_table, count
from nas.report.costs import claimed as claimed_figures
from search_spaces import Claim, Published

ARTICLE = Claim("the article", 60_000, 3_730_000_000, lr=(640, 512), note="counts the training form")
TWICE = Published({}, Claim("the paper", 25_000, None, 37.06), ARTICLE)


def printed(*counts: Count) -> str:
    console = Console(width=200)
    with console.capture() as captured:
        console.print(cost_table(counts))
    return captured.get()


def claimed() -> Count:
    named = resolve("moremnas/MoreMNAS-C")
    return count(NamedArchitecture(named.label, named.architecture, TWICE))


def test_a_network_is_counted_at_the_size_that_was_asked() -> None:
    named = resolve("moremnas/MoreMNAS-C", 3)
    hr, lr, usual = count(named, hr="640x512"), count(named, lr="640x512"), count(named)
    assert (hr.cost.hr_size, hr.size) == ((640, 512), "x3, HR 640x512")
    assert (lr.cost.hr_size, lr.size) == ((1920, 1536), "x3, LR 640x512")
    assert (usual.cost.hr_size, usual.size) == ((1280, 720), "x3, HR 1280x720")
    assert lr.cost == cost(named.architecture, (1920, 1536))
    assert hr.thop == hr.cost.macs


def test_a_size_that_it_can_not_take() -> None:
    with pytest.raises(InputError, match="is too small"):
        count(resolve("moremnas/MoreMNAS-C"), hr="1x1")


def test_every_claim_stands_below_our_count_with_what_it_is_for() -> None:
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in printed(claimed()).splitlines() if "│" in line]
    assert rows[0][:5] == ["moremnas/MoreMNAS-C", "here", "x2, HR 1280x720", "25,001", "5.544G"]
    assert rows[1][:5] == ["", "paper", "x2, HR 1280x720", "25K", ""]
    assert rows[2][:5] == ["", "article", "x2, LR 640x512", "60K", "3.73G"]
    assert cost_notes([claimed()]) == [
        "moremnas/MoreMNAS-C, paper: the paper; 37.06 dB on Set5.",
        "moremnas/MoreMNAS-C, article: the article; counts the training form.",
    ]


@pytest.mark.parametrize(
    ("params", "macs", "shown"),
    [
        (326_000, 74_700_000_000, ("326K", "74.7G")),
        (1_592_000, 6_796_900_000_000, ("1.592M", "6,796.9G")),
        (401_504, 652_000_000, ("401,504", "0.652G")),
        (None, None, ("", "")),
    ],
)
def test_claims_are_shown_as_they_are_claimed(params: int | None, macs: int | None, shown: tuple[str, str]) -> None:
    assert claimed_figures(Claim("x", params, macs)) == shown


def test_a_claim_without_figures_is_a_note_alone() -> None:
    named = NamedArchitecture(
        "a/B", resolve("moremnas/MoreMNAS-C").architecture, Published({}, Claim("a thesis", psnr=37.0))
    )
    assert "paper" not in printed(count(named))
    assert cost_notes([count(named)]) == ["a/B, paper: a thesis; 37.00 dB on Set5."]


def test_what_thop_can_not_count_is_left_blank(monkeypatch: pytest.MonkeyPatch) -> None:
    class Odd(nn.Module):
        def forward(self, image: Tensor) -> Tensor:
            raise RuntimeError("no")

    def fail(*_: object) -> int:
        return int(Odd()(None))

    monkeypatch.setattr(costs, "thop_macs", fail)
    entry = claimed()
    assert entry.thop is None and entry.to_dict()["thop_macs"] is None
    assert "│ 5.544G │      │" in printed(entry)


def test_the_figures_are_plain_data() -> None:
    data = claimed().to_dict()
    assert (data["scale"], data["params"], data["hr_size"], data["thop_macs"]) == (2, 25_001, (1280, 720), data["macs"])
    assert data["published"]["paper"] == {
        "source": "the paper", "params": 25_000, "macs": None, "psnr": 37.06, "at": "x2, HR 1280x720", "note": ""
    }  # fmt: skip
    assert data["published"]["article"]["note"] == "counts the training form"
    assert "published" not in count(NamedArchitecture("x", claimed().named.architecture)).to_dict()
