"""The request for a search: every option once, with its help, its limits and its default.

The command line (`nas.cli.options`) is made from these fields; `nas.search.wanted` makes the settings of a run from a
request. Nothing here loads PyTorch or Optuna.
"""

from dataclasses import dataclass
from typing import Annotated, Any, get_type_hints

from nas.search.option import (
    COSTS,
    DEFAULT_SAMPLER,
    DEFAULT_SCALE,
    DEFAULT_SCREENS,
    DEFAULT_SPACE,
    DEFAULT_TRIALS,
    FIRST,
    IMAGES,
    LARGEST,
    MACHINE,
    MANY,
    MOST_SCALE,
    NETWORKS,
    PROCESSES,
    REDUCTION,
    SEARCHING,
    SHIPPED_PRIOR,
    TRAINING,
    Option,
    fixed_choices,
    listed,
    rung_steps,
    several,
)
from search_spaces.choices import Choice


@dataclass(frozen=True)
class Request:
    """The options that the user gave. None: as before in a run that continues, and the default in a new run."""

    budgets: Annotated[
        tuple[str, ...] | None,
        Option(
            "The most a network may cost: 300G-MACs, 900K-params, 64MiB-memory, 33ms.",
            FIRST,
            flag="--budget",
            is_repeatable=True,
            metavar="COST",
            reads=several,
        ),
    ] = None
    range_from: Annotated[
        tuple[str, ...] | None,
        Option(
            "Lower end of the range of interest: 2G-MACs. Cheaper networks are not looked for.",
            COSTS,
            flag="--from",
            is_repeatable=True,
            metavar="COST",
            default_words="an eighth of the budget",
            reads=several,
            is_setting=False,
        ),
    ] = None
    data: Annotated[
        str | None, Option("Folder of infrared images.", FIRST, metavar="DIR", default_words="synthetic scenes")
    ] = None
    run: Annotated[
        str | None,
        Option("Name of the run; the same name continues it.", FIRST, metavar="RUN", default_words="what is searched"),
    ] = None
    trials: Annotated[
        int | None,
        Option(
            "Candidates to try, over all workers.",
            FIRST,
            kind=int,
            least=1,
            most=MANY,
            default_words=f"{DEFAULT_TRIALS['cpu']} on a CPU, {DEFAULT_TRIALS['cuda']} on a GPU",
        ),
    ] = None
    jobs: Annotated[
        int,
        Option(
            "Worker processes on this machine.",
            FIRST,
            kind=int,
            least=1,
            most=PROCESSES,
            default_words="1",
            is_setting=False,
        ),
    ] = 1
    space: Annotated[
        str | None,
        Option(
            "A space, or a YAML file that narrows one.",
            NETWORKS,
            metavar="SPACE",
            default=DEFAULT_SPACE,
            is_setting=False,
        ),
    ] = None
    scale: Annotated[
        int | None,
        Option("Scale; 1 for denoisers.", NETWORKS, default=DEFAULT_SCALE, kind=int, least=1, most=MOST_SCALE),
    ] = None
    target: Annotated[
        str | None,
        Option(
            "Only networks that a chip takes whole: see nas targets; or a YAML file.",
            NETWORKS,
            flag="--for",
            metavar="CHIP",
            is_setting=False,
        ),
    ] = None
    fixed: Annotated[
        dict[str, Choice] | None,
        Option(
            "Hold a choice fixed: cell1.width=32.",
            NETWORKS,
            flag="--fix",
            is_repeatable=True,
            metavar="CHOICE",
            reads=fixed_choices,
        ),
    ] = None
    objectives: Annotated[
        tuple[str, ...] | None,
        Option(
            "2 to 4 of psnr, ssim, macs, params, activations, convs, latency, memory.",
            COSTS,
            default_words="psnr,macs",
            metavar="LIST",
            reads=listed,
        ),
    ] = None
    hr: Annotated[
        str | None,
        Option(
            "HR image that costs are counted for.", COSTS, metavar="WxH", default_words="1280x720", is_setting=False
        ),
    ] = None
    lr: Annotated[
        str | None,
        Option(
            "LR image that costs are counted for, such as your sensor's 640x512.",
            COSTS,
            metavar="WxH",
            default_words="--hr divided by the scale",
            is_setting=False,
        ),
    ] = None
    latency_command: Annotated[
        str | None,
        Option(
            "Command that prints the latency in ms of the ONNX file {model} on your device.",
            COSTS,
            metavar="COMMAND",
            default_words="ONNX Runtime on this CPU",
        ),
    ] = None
    latency_threads: Annotated[
        int | None, Option("CPU threads that a latency is for.", COSTS, default=1, kind=int, least=1, most=PROCESSES)
    ] = None
    recipe: Annotated[
        str | None,
        Option(
            "Brief training of a candidate: a name or a YAML file.", TRAINING, metavar="RECIPE", default_words="brief"
        ),
    ] = None
    rungs: Annotated[
        tuple[int, ...] | None,
        Option(
            "Steps after which weak candidates are paused, the last being the whole training.",
            TRAINING,
            metavar="STEPS",
            default_words="a twenty-seventh, a ninth, a third and all of the recipe's steps, 100,300,900,2700 of brief",
            reads=rung_steps,
        ),
    ] = None
    reduction: Annotated[
        int | None,
        Option(
            "One of this many candidates continues at a rung.",
            TRAINING,
            default=REDUCTION,
            kind=int,
            least=1,
            most=MANY,
        ),
    ] = None
    degradation: Annotated[
        str | None,
        Option(
            "Makes the LR images: a name or a YAML file.",
            IMAGES,
            metavar="DEGRADATION",
            default_words="the recipe's",
            is_setting=False,
        ),
    ] = None
    counts: Annotated[
        str | None,
        Option(
            "What float or signed images hold: value = OFFSET + SCALE x count.",
            IMAGES,
            metavar="SCALE,OFFSET",
            default_words="that of images.yaml",
            is_setting=False,
        ),
    ] = None
    skip_bad: Annotated[
        bool | None, Option("Leave unreadable images out instead of stopping.", IMAGES, default=False, kind=bool)
    ] = None
    sampler: Annotated[
        str | None,
        Option(
            "local, falsr, tpe, nsga2, nsga3, gp, spread or random.",
            SEARCHING,
            metavar="SAMPLER",
            default=DEFAULT_SAMPLER,
            default_words=f"{DEFAULT_SAMPLER}, with --screen {DEFAULT_SCREENS[0]}",
        ),
    ] = None
    screens: Annotated[
        tuple[str, ...] | None,
        Option(
            "Chooses among the draws of the sampler: surrogate:200, zico:100.",
            SEARCHING,
            flag="--screen",
            is_repeatable=True,
            metavar="SCREEN",
            reads=several,
        ),
    ] = None
    prior: Annotated[
        str | None,
        Option(
            "What the surrogate knows at the start: shipped, none, a run or a table.",
            SEARCHING,
            metavar="PRIOR",
            default=SHIPPED_PRIOR,
            is_setting=False,
        ),
    ] = None
    seed: Annotated[
        int | None, Option("Seed of the sampler.", SEARCHING, default=0, kind=int, least=0, most=LARGEST)
    ] = None
    stop_when_flat: Annotated[
        int | None,
        Option(
            "End after this many candidates in a row that do not improve the front.",
            SEARCHING,
            kind=int,
            least=1,
            most=MANY,
        ),
    ] = None
    storage: Annotated[
        str | None,
        Option(
            "Database of the study, a SQLAlchemy URL.",
            MACHINE,
            metavar="URL",
            default_words="study.db in the folder of the run",
        ),
    ] = None
    plugins: tuple[str, ...] | None = None
    """Python files of the user; the command line has --plugin for all commands."""


def options() -> dict[str, Option]:
    """Return the options by the names of the fields of the request."""
    hints = get_type_hints(Request, include_extras=True)
    return {name: hint.__metadata__[0] for name, hint in hints.items() if hasattr(hint, "__metadata__")}


def defaults() -> dict[str, Any]:
    """Return the default settings of a new run that do not depend on other settings."""
    return {name: option.default for name, option in options().items() if option.is_setting}
