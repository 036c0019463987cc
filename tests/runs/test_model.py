"""A trained model: generating, scoring, filling, and loading."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
from support.runs import small
from support.stopping import StopAt

import textgan
from textgan.core.errors import UserError
from textgan.runs import runner
from textgan.runs.model import Model
from textgan.runs.signals import Stopped


@pytest.fixture(scope="module")
def model(whole_run: Path) -> Model:
    return textgan.load(whole_run, device="cpu")


def test_a_seed_determines_the_samples(model: Model) -> None:
    assert model.sample(5, seed=3) == model.sample(5, seed=3)
    assert model.sample(5, seed=3) != model.sample(5, seed=4)
    assert model.sample(0) == []


def test_a_seeded_sample_does_not_change_the_global_random_state(model: Model) -> None:
    before = torch.get_rng_state()
    model.sample(2, seed=1)
    assert torch.equal(torch.get_rng_state(), before)
    model.sample(2)
    assert not torch.equal(torch.get_rng_state(), before)


def test_temperature_0_and_top_k_1_choose_the_most_likely_token(model: Model) -> None:
    assert len({*model.sample(6, temperature=0), *model.sample(6, top_k=1), *model.sample(6, top_p=1e-6)}) == 1


def test_max_len_limits_the_samples(model: Model) -> None:
    assert all(len(text.split()) <= 3 for text in model.sample(20, max_len=3))
    with pytest.raises(ValueError, match="max_len=0: below 1"):
        model.sample(1, max_len=0)
    with pytest.raises(ValueError, match="count=-1: negative"):
        model.sample(-1)


def test_texts_are_scored(model: Model) -> None:
    assert all(-200 < value < 0 for value in model.log_prob(["the cats sleep .", "a fox .", ""]))
    assert model.log_prob([]) == []


def test_the_log_probability_of_a_text_does_not_depend_on_the_others(model: Model) -> None:
    alone = model.log_prob(["a fox ."])[0]
    assert model.log_prob(["the cats sleep .", "a fox ."])[1] == pytest.approx(alone, rel=1e-6)


def test_texts_that_cannot_be_scored_are_refused(model: Model) -> None:
    with pytest.raises(UserError, match="zebra"):
        model.log_prob(["a zebra ."])
    with pytest.raises(UserError, match="500"):
        model.log_prob(["the " * 500])
    with pytest.raises(TypeError, match="put it into a list"):
        model.log_prob("the cats")


@pytest.mark.parametrize(
    ("use", "arguments", "capability"),
    [
        ("fill", ("a ___ .",), "infilling"),
        ("interpolate", ("a fox .", "a fox ."), "codes"),
        ("reconstruct", ("a fox .",), "codes"),
    ],
)
def test_a_generator_without_the_capability_is_refused(
    model: Model, use: str, arguments: tuple[str, ...], capability: str
) -> None:
    with pytest.raises(UserError, match=rf'{use} needs a generator that offers {capability}; "lstm" does not'):
        getattr(model, use)(*arguments)


def test_blanks_are_imputed_with_known_tokens(model: Model) -> None:
    found = model.impute("the ___ sleep .", count=3, seed=0)
    assert 1 <= len(found) <= 3
    assert all(text.split()[0] == "the" and text.split()[2:] == ["sleep", "."] for text in found)
    scores = model.log_prob(found)
    assert scores == sorted(scores, reverse=True)


def test_the_model_folder_alone_can_be_loaded(model: Model, whole_run: Path, tmp_path: Path) -> None:
    shutil.copytree(whole_run / "model", tmp_path / "copy")
    copy = textgan.load(tmp_path / "copy", device="cpu")
    assert copy.sample(3, seed=1) == model.sample(3, seed=1)
    assert copy.max_len == model.max_len


def test_an_unfinished_run_has_no_model(tmp_path: Path) -> None:
    with pytest.raises(Stopped):
        runner.start(small(), tmp_path / "run", StopAt(3))
    with pytest.raises(UserError, match="no model yet; expected a finished run; continue it with"):
        textgan.load(tmp_path / "run")


def test_weights_that_do_not_fit_are_refused(whole_run: Path, tmp_path: Path) -> None:
    shutil.copytree(whole_run / "model", tmp_path / "model")
    file = tmp_path / "model/recipe.yaml"
    file.write_text(file.read_text().replace("hidden_dim: 8", "hidden_dim: 9"))
    with pytest.raises(UserError, match="the weights do not fit the recipe"):
        textgan.load(tmp_path / "model", device="cpu")
    (tmp_path / "model/generator.safetensors").write_bytes(b"nonsense")
    with pytest.raises(UserError, match="the weights do not fit the recipe"):
        textgan.load(tmp_path / "model", device="cpu")
