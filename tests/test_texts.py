"""Damaged or mistaken texts are read, or refused quickly with one short sentence.

Well-formed documents and arguments are mutated, byte by byte and value by value, from fixed seeds.
"""

import json
import random
import resource
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest
import torch
import yaml

from nas.budget import Budget
from nas.data.degradation.named import SHIPPED as DEGRADATIONS
from nas.data.degradation.named import get_degradation
from nas.duration import duration
from nas.errors import InputError
from nas.evidence.ranking.settings import RankSettings, read_rank_settings
from nas.image_size import parse_size
from nas.objectives import parse_objectives
from nas.search.option import fixed_choices
from nas.search.samplers.screen import parse_screens
from nas.search.settings import SETTINGS, Settings, read_settings, space_fingerprint
from nas.training.recipe import load_recipe
from nas.training.recipe_files import SHIPPED as RECIPES
from search_spaces import Architecture, SpaceError, UnknownNameError
from search_spaces.documents import DocumentError, parse_json, parse_yaml, to_yaml
from search_spaces.narrowed import read_space

Given = TypeVar("Given")

CPU = torch.device("cpu")

INPUTS_OF_A_DOCUMENT = 2_200
INPUTS_OF_AN_ARGUMENT = 2_200

LONGEST_SENTENCE = 400
SECONDS, MEBIBYTES = 1.0, 200

PIECES = (
    *(b"[", b"]", b"{", b"}", b": ", b"- ", b"\n", b"\t", b"'", b'"', b"\\", b"|", b">", b"? ", b"%", b"#", b"@", b"`"),
    *(b"&a ", b"*a", b"&a [*a]", b"<<: ", b"!!timestamp ", b"!!python/name:os.system ", b"!!set ", b"!!binary ", b"! "),
    *(b"2024-13-01", b"2024-01-01", b"12:30:45", b"0o7", b"010", b"0x", b"1_", b"_", b"~", b"yes", b"True", b"null"),
    *(b"1" * 26, b"1" * 5000, b"-1", b"1e999", b"1e-5", b".nan", b"-.inf", b"0.0", b"99999999999", b"3.0"),
    *(b"\x00", b"\x07", b"\xe4", b"\xff\xfe", b"\xef\xbb\xbf", b"\xc2\x85", b"\xe2\x80\xa8", b"\xf0\x9f\x8c\xa1"),
    *(b'"\\0"', b'"\\udce4"', b'"\\ud800"', b"[" * 60, b"{a: " * 60, b"x" * 3000, b"---\n", b"...\n", b"../../x"),
)

NAMES: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 3.0, 0.5, 10**9, 10**26, -(10**18), 1e-320, 1e308, float("nan"), float("inf")),
    *("", " ", "yes", "1", "nan", "a/b", "x" * 3000, "a\nb", "..", "/", "~", "2024-01-01", "1e5"),
)

VALUES: tuple[Any, ...] = (
    *NAMES,
    *([], {}, [[]], [None], [0.5, -0.5], {"a": 1}, {1: 2}, {"cpu": 1}, {"name": "x", "operations": []}),
    *(list(range(300)), {f"k{i}": i for i in range(100)}, {"min": -5}, {"max": 10**20}, {"step": 0}),
)


def damaged(content: bytes, rng: random.Random) -> bytes:
    """Return the bytes with random parts changed, cut out, doubled, or replaced by pieces that often cause errors."""
    changed = bytearray(content)
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        at = rng.randrange(len(changed) + 1)
        end = at + rng.choice((0, 1, 4, 20))
        match rng.randrange(4):
            case 0:
                changed[at:end] = rng.choice(PIECES)
            case 1:
                changed[at : at + 1] = rng.randbytes(1)
            case 2:
                del changed[at:end]
            case _:
                changed[at:at] = changed[at:end]
    return bytes(changed)


def altered(data: Any, rng: random.Random) -> Any:
    """Return the data with one value, anywhere in it, replaced, left out, doubled or added."""
    if not isinstance(data, dict | list) or not data or rng.random() < 0.15:
        return rng.choice(VALUES)
    if isinstance(data, list):
        at = rng.randrange(len(data))
        inner = rng.choice(([], [altered(data[at], rng)], [altered(data[at], rng)], [data[at]] * 2))
        return [*data[:at], *inner, *data[at + 1 :]]
    name = rng.choice(list(data))
    rest = {other: value for other, value in data.items() if other != name}
    if rng.random() < 0.15:
        return {**rest, rng.choice((*NAMES, name + "x" if isinstance(name, str) else "x")): data[name]}
    return rest if rng.random() < 0.1 else {**data, name: altered(data[name], rng)}


def hurt(document: bytes, data: object, rng: random.Random) -> bytes:
    """Return a mutation of a well-formed document that contains `data`."""
    if rng.random() < 0.5:
        return damaged(document, rng)
    written: str = yaml.dump(altered(data, rng), Dumper=yaml.CSafeDumper)
    return written.encode("utf-8", "surrogateescape")


def check(read: Callable[[Given], object], given: Given, shown: object = None) -> bool:
    """Return whether a text can be read; assert that a refusal is a short sentence and that either is fast."""
    begin = time.process_time()
    try:
        read(given)
        sentence = None
    except (InputError, SpaceError, UnknownNameError) as error:
        sentence = str(error)
    except Exception as error:
        raise AssertionError(f"{type(error).__name__} ({error}) for {shown or given!r}") from error
    took = time.process_time() - begin
    assert took < SECONDS, f"{took:.1f} s for {shown or given!r}"
    if sentence is not None:
        assert len(sentence) < LONGEST_SENTENCE, f"{len(sentence)} characters: {sentence} for {shown or given!r}"
        assert sentence[-1] in ".?" and sentence.isprintable(), f"{sentence!r} for {shown or given!r}"
    return sentence is None


def recipe() -> Any:
    return load_recipe("brief", CPU)


def settings() -> bytes:
    space = {
        "space": "fsrcnn",
        "scale": 2,
        "channels": 1,
        "hr_size": (1280, 720),
        "data": None,
        "data_fingerprint": "0",
    }
    asked = {"budgets": ("3G-MACs", "33ms"), "objectives": ("psnr", "macs")}
    search = {"run": "a", "recipe": recipe(), "rungs": (recipe().steps,), "sampler": "local", "trials": 4, "seed": 0}
    allow = {"allow": {"width": (16, 32)}, "space_fingerprint": space_fingerprint("fsrcnn")}
    rest = {"fixed": {"image_skip": True}, "threads": 1, **allow}
    return Settings.model_validate({**space, **asked, **search, **rest}).to_yaml().encode()


def rank_settings() -> bytes:
    space = {"space": "fsrcnn", "scale": 2, "budgets": ("3G-MACs",), "data": "x", "data_fingerprint": "0", "sample": 4}
    rest = {"run": "a", "recipe": recipe(), "reference": recipe(), "space_fingerprint": "0"}
    return to_yaml(RankSettings.model_validate({**space, **rest}).model_dump(mode="json")).encode()


def folder_of(path: Path) -> Path:
    """Return the folder of a file, after renaming the file like the settings of a run."""
    path.rename(path.with_name(SETTINGS))
    return path.parent


NARROWED = b"""space: falsr
allow: {'cell*.width': [16, 32], 'cell?.repeats_log2': {max: 1, min: 0}}
fix: {image_skip: true, 'cell?.kernel': 3}
"""

STAGED = b"""base: full
name: mine
steps: {cpu: 300, cuda: 3000}
learning_rate: 1e-3
losses: {l1: 1, fft: 0.05}
stages: [{share: 0.5, batch: 4}, {share: 0.5, losses: {adversarial: 0.1, l1: 1.0}, learning_rate: 2e-4}]
normalisation: {kind: fixed, low: 100, high: 16000, bits: 16}
degradation: {name: mine, operations: [{blur: {sigma: [0, 2 + 0.2 scale]}}, {gaussian-noise: {level: 5}}]}
adversarial: {discriminator: unet, width: 32}
"""

POINTS = ("falsr/FALSR-B", "ecbsr/M4C8", "swinir/SwinIR-M")

DOCUMENTS: dict[str, tuple[Callable[[], list[bytes]], Callable[[Path], object]]] = {
    "architecture": (
        lambda: [Architecture.published(name).to_yaml().encode() for name in POINTS],
        Architecture.read,
    ),
    "narrowed space": (lambda: [NARROWED], lambda path: read_space(str(path))),
    "recipe": (
        lambda: [STAGED, *(path.read_bytes() for path in sorted(RECIPES.glob("*.yaml")))],
        lambda path: load_recipe(str(path), CPU),
    ),
    "degradation": (
        lambda: [path.read_bytes() for path in DEGRADATIONS.values()],
        lambda path: get_degradation(str(path)),
    ),
    "search.yaml": (lambda: [settings()], lambda path: read_settings(folder_of(path)).budgets),
    "rank.yaml": (lambda: [rank_settings()], read_rank_settings),
}


@pytest.mark.parametrize("kind", DOCUMENTS)
def test_a_document_is_read_or_refused_with_one_sentence(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make, read = DOCUMENTS[kind]
    monkeypatch.chdir(tmp_path)
    rng, path = random.Random(kind), Path("document.yaml")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    documents = make()
    for document in documents:
        path.write_bytes(document)
        assert check(read, path, document), "the document before mutation must be well-formed"
    well_formed = [(document, parse_yaml(document, kind)) for document in documents]
    outcomes = []
    for _ in range(INPUTS_OF_A_DOCUMENT):
        content = hurt(*rng.choice(well_formed), rng)
        path.write_bytes(content)
        outcomes.append(check(read, path, content))
    assert 0.02 < sum(outcomes) / len(outcomes) < 0.8  # mutations are neither harmless nor hopeless
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MEBIBYTES * 1024


ARGUMENTS: dict[str, tuple[list[str], Callable[[str], object]]] = {
    "budget": (["300G-MACs", "900K-params", "1.5GiB-memory", "16.667 ms", "5657 params"], Budget.parse),
    "objectives": (["psnr,macs", "psnr,ssim,latency,memory"], lambda text: parse_objectives(text.split(","))),
    "screen": (["surrogate:100", "zico:20", "synflow"], lambda text: parse_screens([text])),
    "time": (["90s", "20m", "2.5 h"], duration),
    "size": (["1280x720", "640 X 512", "9x9"], parse_size),
    "fix": (["cell1.width=32", "image_skip=true", "a=[1, {b: c}]", "op=conv"], lambda text: fixed_choices([text])),
}


@pytest.mark.parametrize("kind", ARGUMENTS)
def test_an_argument_is_read_or_refused_with_one_sentence(kind: str) -> None:
    texts, read = ARGUMENTS[kind]
    rng = random.Random(kind)
    for text in texts:
        assert check(read, text)
    outcomes = []
    for _ in range(INPUTS_OF_AN_ARGUMENT):
        text = damaged(rng.choice(texts).encode(), rng).decode("utf-8", "surrogateescape")
        outcomes.append(check(read, text))
    assert 0.01 < sum(outcomes) / len(outcomes) < 0.9


def test_at_least_twenty_thousand_texts_are_tried() -> None:
    assert len(DOCUMENTS) * INPUTS_OF_A_DOCUMENT + len(ARGUMENTS) * INPUTS_OF_AN_ARGUMENT >= 20_000


@pytest.mark.parametrize("depth", [900, 100_000])
def test_json_that_nests_deeply_is_refused_or_read(depth: int) -> None:
    text = "[" * depth + "]" * depth
    try:
        parse_json(text, "metrics.json")
    except DocumentError as error:
        assert str(error) == "metrics.json is not a JSON document that can be read: it nests too deeply."
    assert json.dumps(parse_json("[1]", "metrics.json")) == "[1]"
