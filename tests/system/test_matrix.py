"""Every combination of components is either refused with a reason or takes a step that changes the generator.

A step without effect would be the worst outcome: the run does not fail, and its result means nothing.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace
from functools import cache
from itertools import product
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from textgan.core import registry, spec
from textgan.core.spec import MISSING, Spec
from textgan.data.batches import Batches
from textgan.data.corpus import Corpus
from textgan.recipe.compatibility import incompatibilities, repairs
from textgan.runs.builder import make
from textgan.testing import tiny_corpus
from textgan.training.objectives import Adversarial, Discriminate

KINDS = ("generator", "discriminator", "loss", "estimator", "reward")
SMALL: dict[str, Any] = {
    "embed_dim": 4,
    "hidden_dim": 8,
    "latent_dim": 3,
    "code_dim": 3,
    "noise_dim": 3,
    "layers": 1,
    "blocks": 1,
    "heads": 2,
    "widths": [1, 2],
    "filters": 4,
    "rollouts": 1,
    "references": 4,
    "comparison": 4,
}
"""Values of these options, for every component that has them."""
MIN_EFFECT = 1e-3
"""The least effect of a live gradient (see `effect`). The smallest that a combination has is 0.005."""
Combination = tuple[Spec, ...]


def specs(kind: str) -> list[Spec]:
    return [spec.read(c) for c in registry.components(kind)]


def named(*names: str) -> Combination:
    return tuple(spec.read(registry.find(kind, name)) for kind, name in zip(KINDS, names, strict=True))


def by_kind(combination: Combination) -> dict[str, Spec]:
    return dict(zip(KINDS, combination, strict=True))


EVERY = list(product(*(specs(kind) for kind in KINDS)))
ACCEPTED = [each for each in EVERY if not list(incompatibilities(by_kind(each)))]


def label(combination: Combination) -> str:
    return "+".join(known.component.name for known in combination)


def build(kind: str, known: Spec, shared: dict[str, Any], more: dict[str, Any]) -> Any:
    options = {name: o.default for name, o in known.options.items() if o.default is not MISSING}
    options |= {name: value for name, value in SMALL.items() if name in options}
    return make(kind, {"name": known.component.name} | options | more, shared)


@cache
def corpus() -> Corpus:
    return tiny_corpus()


def run_objects() -> dict[str, Any]:
    data = corpus()
    return {"corpus": data, "tokenizer": data.tokenizer, "vocab": data.vocab, "max_len": data.max_len}


@cache
def pretrained(name: str) -> dict[str, Tensor]:
    """Trains a small generator by likelihood and returns its weights, the same in every test."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        generator = build("generator", spec.read(registry.find("generator", name)), run_objects(), {}).train()
        optimizer, batches = torch.optim.Adam(generator.parameters(), 1e-2), Batches(corpus().train.batch, 64, 0)
        for _ in range(150):
            optimizer.zero_grad()
            generator.likelihood(next(batches)).value.backward()
            optimizer.step()
    weights: dict[str, Tensor] = generator.state_dict()
    return weights


def build_players(combination: Combination, more: dict[str, Any]) -> dict[str, Any]:
    """Builds the players as a recipe has them when its adversarial phase begins, with dropout off.

    A generator whose adversary reads codes has been trained by likelihood: an untrained encoder gives all real
    sentences nearly the same code, which no adversarial loss is meant for.
    """
    players = run_objects()
    for kind, known in by_kind(combination).items():
        player = build(kind, known, players, more if kind == "estimator" else {})
        players[kind] = player.eval() if isinstance(player, nn.Module) else player
        if kind == "generator" and "noise" in known.traits["capabilities"]:
            player.load_state_dict(pretrained(known.component.name))
    return players


def effect(module: nn.Module) -> float:
    """Computes |gradient| |parameters|, the change of the loss, to first order, per relative change of the parameters.

    It is in the units of the loss, does not depend on the number of parameters, and is always finite.
    """
    trained = [p for p in module.parameters() if p.grad is not None]
    squares = [(p.grad.square().sum().item(), p.detach().square().sum().item()) for p in trained if p.grad is not None]
    found = math.sqrt(sum(grad for grad, _ in squares) * sum(size for _, size in squares))
    assert math.isfinite(found)
    return found


def check_generator_step(players: dict[str, Any], batches: Batches, adversarial: bool) -> None:
    """Checks that losses are finite, statistics detached, and an adversarial reward's gradient has an effect."""
    generator, steps = players["generator"], 0
    for value, stats in Adversarial(generator, players["estimator"], players["reward"]).losses(batches):
        generator.zero_grad()
        value.backward()
        steps += 1
        assert math.isfinite(value.item())
        assert all(not number.requires_grad for number in stats.values())
        if adversarial:
            assert effect(generator) > MIN_EFFECT, "the generator learns nothing"
    assert steps


STRAIGHT = {"straight_through": True}
CASES: list[tuple[Combination, dict[str, Any]]] = [(each, {}) for each in ACCEPTED]
CASES += [(each, STRAIGHT) for each in ACCEPTED if "straight_through" in each[3].options]
"""Combinations, and options of the estimator that change what the discriminator reads."""


@pytest.mark.parametrize(
    ("combination", "more"), CASES, ids=[label(each) + "+straight" * len(more) for each, more in CASES]
)
def test_accepted_combinations_take_a_step_that_has_an_effect(combination: Combination, more: dict[str, Any]) -> None:
    torch.manual_seed(0)
    players = build_players(combination, more)
    batches = Batches(corpus().train.batch, 8, 0)
    generator, discriminator = players["generator"], players["discriminator"]
    if "noise" not in combination[0].traits["capabilities"]:  # a code's generator has just been trained by it
        generator.likelihood(next(batches)).value.backward()
        assert effect(generator) > MIN_EFFECT, "likelihood trains nothing"
    trained = {name: players[name] for name in ("generator", "discriminator", "loss", "estimator")}
    for value, _ in Discriminate(**trained).losses(batches):
        assert math.isfinite(value.item())
        discriminator.zero_grad()
        value.backward()
        assert effect(discriminator) > MIN_EFFECT, "the discriminator learns nothing"
    check_generator_step(players, batches, "discriminator" in combination[4].shared)


LATENT_MMD = ("latent", "mlp", "mmd", "pathwise", "adversarial")


@pytest.mark.parametrize("seed", range(3))
def test_mmd_has_a_gradient_in_codes_of_a_trained_autoencoder(seed: int) -> None:
    """Its kernels are as wide as the real features lie apart, so real and generated codes must be of one scale."""
    torch.manual_seed(seed)
    check_generator_step(build_players(named(*LATENT_MMD), {}), Batches(corpus().train.batch, 8, 0), True)


def test_a_dead_gradient_is_noticed() -> None:
    """A kernel that is far narrower than the distances between codes underflows to zero, and so does its gradient."""
    torch.manual_seed(0)
    players = build_players(named(*LATENT_MMD), {})
    players["loss"].bandwidths = (1e-3,)
    with pytest.raises(AssertionError, match="the generator learns nothing"):
        check_generator_step(players, Batches(corpus().train.batch, 8, 0), True)


def test_a_gradient_that_is_cut_off_is_noticed() -> None:
    torch.manual_seed(0)
    players = build_players(named("lstm", "text_cnn", "bce", "reinforce", "adversarial"), {})
    reward = players["reward"]
    players["reward"] = lambda fake, real: torch.zeros_like(reward(fake, real))
    with pytest.raises(AssertionError, match="the generator learns nothing"):
        check_generator_step(players, Batches(corpus().train.batch, 8, 0), True)


def test_refused_combinations_are_explained_in_a_sentence() -> None:
    refused = 0
    for each in EVERY:
        for block, text in incompatibilities(by_kind(each)):
            refused += 1
            assert block in (*KINDS, "tokenizer")
            assert text.startswith('"')
            assert len(text.split()) > 5
    assert refused
    assert ACCEPTED


MEANINGLESS = [
    # It would run, but log_prob is a bound, whose gradient is not that of the likelihood.
    ("vae", "text_cnn", "bce", "reinforce", "adversarial"),
    # It would run, but a reward of codes says nothing about relaxed tokens.
    ("latent", "mlp", "wasserstein", "gumbel_softmax", "adversarial"),
    # It would run with a gradient of zero.
    ("lstm", "text_cnn", "bce", "gumbel_softmax", "constant"),
    # It would run, but a roll-out is scored as a whole, and this discriminator scores tokens.
    ("infill", "token_attention", "bce", "rollout", "adversarial"),
    # It would run, but its weights need a likelihood, and the VAE has only a bound.
    ("vae", "text_cnn", "importance_weighted", "gumbel_softmax", "adversarial"),
    # It would run, but the discriminator would read ids as if they were codes.
    ("lstm", "mlp", "bce", "reinforce", "adversarial"),
]


@pytest.mark.parametrize("names", MEANINGLESS, ids="+".join)
def test_combinations_that_would_run_but_mean_nothing_are_refused(names: tuple[str, ...]) -> None:
    assert list(incompatibilities(by_kind(named(*names))))


def test_a_discriminator_that_reads_the_simplex_must_read_ids() -> None:
    read = by_kind(named("lstm", "text_cnn", "bce", "gumbel_softmax", "adversarial"))
    assert not list(incompatibilities(read))
    discriminator = read["discriminator"]
    traits = {**discriminator.traits, "input_spaces": frozenset({"simplex"})}
    read["discriminator"] = replace(discriminator, traits=traits)
    assert [(block, "corners" in text) for block, text in incompatibilities(read)] == [("discriminator", True)]


@pytest.mark.parametrize("generator", [s.component.name for s in specs("generator")])
def test_blanks_need_a_generator_that_can_keep_given_tokens(generator: str) -> None:
    """Sentences generated from noise cannot contain given tokens. That is known before anything runs."""
    read = {
        "blanks": spec.read(registry.find("blanks", "random")),
        "generator": spec.read(registry.find("generator", generator)),
    }
    refused = [text for block, text in incompatibilities(read) if block == "blanks"]
    assert bool(refused) is ("noise" in read["generator"].traits["capabilities"])
    if refused:
        assert {"generator": "lstm"} in list(repairs(read, "blanks"))


def test_every_component_is_part_of_an_accepted_combination() -> None:
    used = Counter((known.component.kind, known.component.name) for each in ACCEPTED for known in each)
    for kind in KINDS:
        for known in specs(kind):
            assert used[kind, known.component.name], f"{kind} {known.component.name} works with nothing"
