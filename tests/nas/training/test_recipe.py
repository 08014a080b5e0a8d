import math
from itertools import pairwise
from pathlib import Path

import pytest
import torch
import yaml
from hypothesis import given
from hypothesis import strategies as st

from nas.errors import InputError
from nas.training.recipe import Recipe, fast_bfloat16, load_recipe, parse_recipe
from nas.training.recipe_files import SHIPPED

CPU, CUDA = torch.device("cpu"), torch.device("cuda")
NAMES = sorted(path.stem for path in SHIPPED.glob("*.yaml"))


def recipe(**fields: object) -> Recipe:
    return Recipe.model_validate({"name": "r", "steps": 100, "batch": 1, "patch": 8, "learning_rate": 0.01, **fields})


def write(folder: Path, text: str) -> str:
    path = folder / "mine.yaml"
    path.write_text(text)
    return str(path)


def test_the_recipes_are_shipped() -> None:
    assert set(NAMES) == {"brief", "denoise", "distill", "full", "perceptual", "real", "tune"}
    assert load_recipe("denoise", CPU).degradation == "noise"


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("device", [CPU, CUDA])
def test_shipped_recipes_are_read_for_every_device(
    name: str, device: torch.device, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not torch.cuda.is_available():
        monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda **_: True)
    read = load_recipe(name, device)
    assert read.name == name
    assert read.precision != "auto"


def test_lengths_depend_on_the_device(monkeypatch: pytest.MonkeyPatch) -> None:
    data = {
        "name": "r",
        "steps": {"cpu": 10, "cuda": 1000},
        "batch": {"cpu": 2},
        "patch": 8,
        "learning_rate": 1,
        "precision": "float32",
    }
    assert (parse_recipe(data, CPU).steps, parse_recipe(data, CUDA).steps) == (10, 1000)
    assert parse_recipe(data, CUDA).batch == 2


def test_single_fields_are_overridden() -> None:
    assert load_recipe("brief", CPU, steps=7, ema=0.9).steps == 7


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_that_was_used_is_plain_yaml_and_reads_back(name: str) -> None:
    used = load_recipe(name, CPU)
    assert parse_recipe(yaml.safe_load(used.to_yaml()), CPU) == used
    assert parse_recipe(used.model_dump(mode="json"), CUDA) == used


def test_a_users_file_may_start_from_a_shipped_recipe(tmp_path: Path) -> None:
    base, mine = load_recipe("full", CPU), load_recipe(write(tmp_path, "base: full\nname: mine\nsteps: 12\n"), CPU)
    assert (mine.name, mine.steps) == ("mine", 12)
    assert mine.model_copy(update={"name": "full", "steps": base.steps}) == base


def test_a_denoiser_is_named_as_it_is_seen_from_the_current_folder(tmp_path: Path) -> None:
    mine = load_recipe(write(tmp_path, "base: full\nname: mine\ndenoiser: my/denoiser\n"), CPU)
    assert mine.denoiser == "my/denoiser"
    assert load_recipe("full", CPU).denoiser is None


def test_a_users_file_may_stand_alone(tmp_path: Path) -> None:
    path = write(tmp_path, "{name: mine, steps: 5, batch: 1, patch: 8, learning_rate: 1.0e-3}")
    assert load_recipe(path, CPU).steps == 5


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"step": 3}, "no recipe field named 'step'; did you mean 'steps'"),
        ({"learningrate": 3}, "did you mean 'learning_rate'"),
        ({"steps": 0}, "the field 'steps' is wrong: .*greater than 0"),
        ({"steps": "many"}, "the field 'steps' is wrong"),
        ({"steps": {"tpu": 3}}, "the field 'steps' is wrong"),
        ({"steps": True}, "the field 'steps' is wrong: Input should be a valid integer"),
        ({"steps": "3"}, "the field 'steps' is wrong: Input should be a valid integer"),
        ({"batch": 3.0}, "the field 'batch' is wrong: Input should be a valid integer"),
        ({"clip": True}, "the field 'clip' is wrong: Input should be a valid number"),
        ({"seed": -1}, "the field 'seed' is wrong: .*greater than or equal to 0"),
        ({"seed": 2**31}, "the field 'seed' is wrong: .*less than 2147483648"),
        ({"learning_rate": float("inf")}, "the field 'learning_rate' is wrong: .*finite number"),
        ({"learning_rate": float("nan")}, "the field 'learning_rate' is wrong"),
        ({"loss": "l2"}, r"^brief: 'loss' is now 'losses', which gives weights; write 'losses: \{l2: 1\.0\}'\.$"),
        ({"losses": {"l3": 1.0}}, "There is no loss named 'l3'; did you mean 'l2'"),
        ({"losses": {"l1": 0.0}}, r"the field 'losses\.l1' is wrong: .*greater than 0"),
        ({"losses": {"l1": float("inf")}}, r"the field 'losses\.l1' is wrong"),
        ({"losses": {}}, "the field 'losses' is wrong"),
        ({"losses": ["l1"]}, "the field 'losses' is wrong"),
        (
            {"stages": [{"share": 1.0, "pach": 3}]},
            r"There is no field of 'stages\.0' named 'pach'; did you mean 'patch'",
        ),
        ({"stages": [{"share": 1.0, "losses": {"fff": 1.0}}]}, "There is no loss named 'fff'; did you mean 'fft'"),
        (
            {"stages": [{"share": 0.5}, {"share": 0.4}]},
            "the shares of 'stages' must sum to 1, but 0.5 \\+ 0.4 is not 1",
        ),
        ({"stages": [{"share": 1.5}]}, r"the field 'stages\.0\.share' is wrong"),
        ({"stages": [{"patch": 5}]}, r"the field 'stages\.0\.share' is wrong: Field required"),
        ({"losses": {"distillation": 1.0}}, "the loss 'distillation' needs a 'teacher'"),
        ({"teacher": "falsr/FALSR-A"}, "'teacher' has no effect without the loss 'distillation'"),
        ({"features": {}}, "'features' has no effect without the loss 'perceptual'"),
        ({"adversarial": {}}, "'adversarial' has no effect without the loss 'adversarial'"),
        (
            {"losses": {"adversarial": 1.0}, "adversarial": {"with": 8}},
            "no field of 'adversarial' named 'with'; did you mean 'width'",
        ),
        ({"losses": {"adversarial": 1.0}, "adversarial": {"discriminator": "vgg"}}, "'adversarial.discriminator' is"),
        (
            {"losses": {"perceptual": 1.0}, "features": {"layer": {}}},
            "of 'features' named 'layer'; did you mean 'layers'",
        ),
        ({"ema": 1.0}, "the field 'ema' is wrong"),
        ({"warmup": -0.1}, "the field 'warmup' is wrong"),
        ({"betas": [0.9, 1.5]}, r"the field 'betas\.1' is wrong"),
        ({"precision": "float16"}, "the field 'precision' is wrong"),
        ({"denoiser": ""}, "the field 'denoiser' is wrong"),
        ({"denoiser": 3}, "the field 'denoiser' is wrong"),
    ],
)
def test_a_wrong_field_is_named(fields: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        load_recipe("brief", CPU, **fields)


def test_a_missing_field_is_named_with_its_file(tmp_path: Path) -> None:
    path = write(tmp_path, "name: mine")
    with pytest.raises(InputError, match=f"{path}: the field 'steps' is wrong: Field required"):
        load_recipe(path, CPU)


@pytest.mark.parametrize("text", ["", "- steps", "steps", "{", "!!python/name:os.system"])
def test_a_file_that_is_no_mapping_is_refused(tmp_path: Path, text: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(InputError, match=path):
        load_recipe(path, CPU)


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_bytes(b"steps: 1\nname: K\xe4lte\n")
    with pytest.raises(InputError, match=r"mine\.yaml is not UTF-8 \(line 2 holds the byte 0xE4\); save it as UTF-8"):
        load_recipe(str(path), CPU)


def test_an_unknown_recipe_or_base_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no recipe named 'breif'; did you mean 'brief'"):
        load_recipe("breif", CPU)
    with pytest.raises(InputError, match="'base' must name a shipped recipe: brief, denoise, distill, full"):
        load_recipe(write(tmp_path, "base: other"), CPU)


def test_the_learning_rate_rises_linearly_and_falls_as_a_cosine() -> None:
    schedule = recipe(warmup=0.1, final_learning_rate=0.2)
    rates = [schedule.learning_rate_at(step) for step in range(100)]
    assert rates[0] == pytest.approx(0.001)
    assert rates[4] == pytest.approx(0.005)
    assert rates[9] == rates[10] == pytest.approx(0.01)
    assert rates[55] == pytest.approx(0.01 * (0.2 + 0.8 / 2))  # half way down the cosine
    assert schedule.learning_rate_at(100) == pytest.approx(0.002)
    assert rates[9:] == sorted(rates[9:], reverse=True)


@given(
    steps=st.integers(1, 500),
    warmup=st.floats(0, 0.99),
    final=st.floats(0, 1),
)
def test_the_learning_rate_stays_between_nothing_and_its_peak(steps: int, warmup: float, final: float) -> None:
    schedule = recipe(steps=steps, warmup=warmup, final_learning_rate=final)
    rates = [schedule.learning_rate_at(step) for step in range(steps)]
    assert all(0 < rate <= 0.01 + 1e-9 for rate in rates)
    assert max(rates) == pytest.approx(0.01)


def test_a_warm_up_may_be_a_number_of_steps_but_is_at_most_a_quarter_of_all() -> None:
    assert recipe(steps=1000, warmup=100).rise == recipe(steps=1000, warmup=0.1).rise == 100
    assert recipe(steps=200, warmup=100).rise == 50
    assert recipe(steps=3, warmup=100).rise == 1


def test_the_moving_average_is_short_in_a_short_training() -> None:
    assert recipe(steps=2700, ema=0.98).decay == 0.98
    assert recipe(steps=100, ema=0.98).decay == pytest.approx(0.95)
    assert recipe(steps=5, ema=0.98).decay == recipe(steps=100).decay == 0


def test_brief_warms_up_over_the_same_steps_whatever_its_length() -> None:
    assert {load_recipe("brief", CPU, steps=steps).rise for steps in (500, 2700, 9000)} == {112}


# Stages


THREE = [
    {"share": 0.5, "patch": 6},
    {"share": 0.3, "losses": {"charbonnier": 1.0, "fft": 0.1}, "batch": 3},
    {"share": 0.2, "losses": {"l2": 2.0}, "patch": 12, "learning_rate": 0.002},
]


def test_without_stages_all_steps_are_alike() -> None:
    (phase,) = recipe().phases
    assert (phase.begin, phase.end, phase.losses, phase.batch, phase.patch) == (0, 100, {"l1": 1.0}, 1, 8)


def test_a_stage_replaces_fields_for_its_share_of_the_steps() -> None:
    staged = recipe(stages=THREE)
    first, second, third = staged.phases
    assert [(p.begin, p.end) for p in staged.phases] == [(0, 50), (50, 80), (80, 100)]
    assert (first.losses, first.batch, first.patch) == ({"l1": 1.0}, 1, 6)
    assert (second.losses, second.batch, second.patch) == ({"charbonnier": 1.0, "fft": 0.1}, 3, 8)
    assert (third.losses, third.batch, third.patch) == ({"l2": 2.0}, 1, 12)
    assert [staged.phase_at(step) for step in (0, 49, 50, 79, 80, 99, 100)] == [first] * 2 + [second] * 2 + [third] * 3
    assert staged.all_losses == ("l1", "charbonnier", "fft", "l2")
    assert staged.largest_patch == 12


@given(steps=st.integers(1, 300), cuts=st.lists(st.floats(0.01, 0.99), max_size=5, unique=True))
def test_the_phases_cover_every_step_once(steps: int, cuts: list[float]) -> None:
    edges = [0.0, *sorted(cuts), 1.0]
    stages = [{"share": b - a, "patch": i + 1} for i, (a, b) in enumerate(pairwise(edges))]
    phases = recipe(steps=steps, stages=stages).phases
    assert phases[0].begin == 0 and phases[-1].end == steps
    assert all(a.end == b.begin for a, b in pairwise(phases))
    assert all(phase.begin < phase.end for phase in phases)


def test_stages_leave_the_learning_rate_alone_unless_they_name_one() -> None:
    plain, staged = recipe(warmup=0.1), recipe(warmup=0.1, stages=[*THREE[:1], {"share": 0.5}])
    assert all(plain.learning_rate_at(step) == staged.learning_rate_at(step) for step in range(101))


def test_a_stage_that_names_a_learning_rate_begins_a_cosine_and_ends_the_one_before() -> None:
    staged = recipe(warmup=0.1, final_learning_rate=0.1, stages=THREE)
    rates = [staged.learning_rate_at(step) for step in range(100)]
    shorter = recipe(steps=80, warmup=0.125, final_learning_rate=0.1)
    assert rates[:80] == pytest.approx([shorter.learning_rate_at(step) for step in range(80)])
    assert rates[80:] == pytest.approx([0.002 * (0.1 + 0.9 * (1 + math.cos(math.pi * k / 20)) / 2) for k in range(20)])


def test_the_rise_is_in_the_beginning_also_when_the_first_stage_names_a_rate() -> None:
    staged = recipe(warmup=0.1, stages=[{"share": 1.0, "learning_rate": 0.5}])
    assert staged.learning_rate_at(0) == pytest.approx(0.05)
    assert max(staged.learning_rate_at(step) for step in range(100)) == 0.5


def test_lengths_inside_stages_depend_on_the_device() -> None:
    data = {"stages": [{"share": 1.0, "patch": {"cpu": 16, "cuda": 48}}], "precision": "float32"}
    assert [load_recipe("brief", device, **data).largest_patch for device in (CPU, CUDA)] == [16, 48]


def test_a_field_of_a_users_file_replaces_that_of_its_base_as_a_whole(tmp_path: Path) -> None:
    mine = load_recipe(write(tmp_path, "base: perceptual\nname: mine\nlosses: {l2: 1.0, adversarial: 0.2}\n"), CPU)
    assert mine.losses == {"l2": 1.0, "adversarial": 0.2}
    assert mine.stages == load_recipe("perceptual", CPU).stages
    assert "perceptual" not in mine.all_losses


@pytest.mark.parametrize("base", ["full", "real"])
def test_a_patch_or_batch_of_ones_own_holds_in_the_stages_of_the_base(tmp_path: Path, base: str) -> None:
    theirs = load_recipe(base, CPU)
    mine = load_recipe(write(tmp_path, f"base: {base}\nname: mine\npatch: 20\nbatch: {{cpu: 3, cuda: 7}}\n"), CPU)
    assert len({(p.patch, p.batch) for p in theirs.phases}) == len(mine.phases) == 3
    assert {(p.patch, p.batch) for p in mine.phases} == {(20, 3)}
    assert [p.losses for p in mine.phases] == [p.losses for p in theirs.phases]
    patch_alone = load_recipe(write(tmp_path, f"base: {base}\nname: mine\npatch: 20\n"), CPU)
    assert [(p.patch, p.batch) for p in patch_alone.phases] == [(20, p.batch) for p in theirs.phases]


def test_stages_of_ones_own_stay_beside_a_patch_of_ones_own(tmp_path: Path) -> None:
    text = "base: full\nname: mine\npatch: 20\nstages: [{share: 0.5, patch: 12}, {share: 0.5}]\n"
    assert [phase.patch for phase in load_recipe(write(tmp_path, text), CPU).phases] == [12, 20]


def test_a_base_may_have_a_base(tmp_path: Path) -> None:
    full, mine = load_recipe("full", CPU), load_recipe(write(tmp_path, "base: real\nname: mine\n"), CPU)
    assert mine.model_copy(update={"name": "full", "degradation": full.degradation}) == full


@given(steps=st.integers(1, 300), validations=st.integers(1, 50))
def test_validations_are_spread_evenly_and_the_last_is_at_the_end(steps: int, validations: int) -> None:
    schedule = recipe(steps=steps, validations=validations)
    after = [step for step in range(1, steps + 1) if schedule.validates_after(step)]
    assert after[-1] == steps
    assert len(after) == min(steps, validations) or validations > steps / 2
    if len(after) == validations > 1:
        gaps = [b - a for a, b in zip([0, *after], after, strict=False)]
        assert max(gaps) - min(gaps) <= 1


def test_automatic_precision_is_resolved_to_what_is_faster() -> None:
    faster = "bfloat16" if fast_bfloat16(CPU) else "float32"
    assert recipe().resolved(CPU).precision == load_recipe("brief", CPU).precision == faster
    assert recipe(precision="float32").resolved(CPU).precision == "float32"
    assert recipe(precision="bfloat16").resolved(CPU).precision == "bfloat16"


def test_other_devices_compute_in_float32() -> None:
    assert not fast_bfloat16(torch.device("mps"))


def test_a_recipe_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        recipe().steps = 3
