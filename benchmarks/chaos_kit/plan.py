"""How a search is disturbed, and what became of it, as plain data."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

from chaos_kit.judge import Verdict


@dataclass(frozen=True)
class ChaosPlan:
    """How a search is disturbed."""

    storage: str
    """`sqlite`: one command with `--jobs 2`; `postgres`: two workers with a folder each."""
    seed: int
    trials: int = 20
    events: Sequence[str] = ()
    """What befalls it; none: three to five that the seed chooses."""
    idle_ms: float = 30.0
    """How long a network idles at each training step."""
    hang_seconds: float = 120.0
    """The search hangs when nothing happens for so long."""
    most_seconds: float = 900.0
    once_more: bool = True
    """Whether the command is given again at the end: it must find nothing to do."""


@dataclass
class Outcome:
    """What became of a search."""

    storage: str
    seed: int
    events: list[str] = field(default_factory=list)
    seconds: float = 0.0
    starts: int = 0
    aimed_hits: int = 0
    gave_up: list[str] = field(default_factory=list)
    """Commands that ended by themselves where they should have outlived what befell them."""
    hung: list[str] = field(default_factory=list)
    tracebacks: int = 0
    wrong_codes: list[str] = field(default_factory=list)
    orphans: list[str] = field(default_factory=list)
    verdict: Verdict = field(default_factory=Verdict)

    @property
    def faults(self) -> list[str]:
        """All that went wrong, in words."""
        words = {"hung": self.hung, "exit code": self.wrong_codes, "left behind": self.orphans}
        words |= {"gave up": self.gave_up, "tracebacks": [str(self.tracebacks)] * (self.tracebacks > 0)}
        words |= {"value": self.verdict.differing, "lost": self.verdict.lost, "doubled": self.verdict.doubled}
        return [f"{kind}: {text}" for kind, texts in words.items() for text in texts]

    def to_dict(self) -> dict[str, object]:
        """Return it as plain data."""
        return asdict(self) | {"faults": self.faults}
