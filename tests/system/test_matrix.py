"""Every combination of components is refused with a reason, or takes a step that moves the generator.

A step without effect would be the worst outcome: it runs, and means nothing.
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
from torch import nn

from textgan.core import registry, spec
from textgan.runs.builder import make
from textgan.data.batches import Batches
from textgan.training.objectives import Adversarial, Discriminate
from textgan.recipe.compatibility import incompatibilities
from textgan.core.spec import MISSING, Spec
from textgan.testing import tiny_corpus

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
"""Options of these names get these values, where a component has them."""


def specs(kind: str) -> list[Spec]:
    return [spec.read(c) for c in registry.components(kind)]


EVERY = list(product(*(specs(kind) for kind in KINDS)))
ACCEPTED = [each for each in EVERY if not list(incompatibilities(dict(zip(KINDS, each, strict=True))))]


def names(each: tuple[Spec, ...]) -> str:
    return "+".join(known.component.name for known in each)


def built(kind: str, known: Spec, shared: dict[str, Any], more: dict[str, Any]) -> Any:
    options = {name: o.default for name, o in known.options.items() if o.default is not MISSING}
    options |= {name: value for name, value in SMALL.items() if name in options}
    return make(kind, {"name": known.component.name} | options | more, shared)


@cache
def corpus() -> Any:
    return tiny_corpus()


STRAIGHT = [("straight_through", True)]
CASES = [(each, []) for each in ACCEPTED]
CASES += [(each, STRAIGHT) for each in ACCEPTED if "straight_through" in each[3].options]
"""Combinations, and options of the estimator that change what the discriminator reads."""


@pytest.mark.parametrize(("each", "more"), CASES, ids=[names(each) + "+straight" * len(more) for each, more in CASES])
def test_what_is_accepted_takes_a_step(each: tuple[Spec, ...], more: list[tuple[str, Any]]) -> None:
    torch.manual_seed(0)
    data = corpus()
    shared: dict[str, Any] = {"corpus": data, "tokenizer": data.tokenizer, "vocab": data.vocab, "max_len": data.max_len}
    for kind, known in zip(KINDS, each, strict=True):
        player = built(kind, known, shared, dict(more) if kind == "estimator" else {})
        shared[kind] = player.eval() if isinstance(player, nn.Module) else player
    batches = Batches(data.train.batch, 8, 0)
    generator, discriminator = shared["generator"], shared["discriminator"]
    if "noise" not in each[0].traits["capabilities"]:  # else the adversary never sees the part that likelihood trains
        generator.likelihood(next(batches)).value.backward()
    players = {name: shared[name] for name in ("generator", "discriminator", "loss", "estimator")}
    for value, _ in Discriminate(**players).losses(batches):
        assert math.isfinite(value.item())
        discriminator.zero_grad()
        value.backward()
        assert slope(discriminator) > 0, "the discriminator learns nothing"
    steps = 0
    for value, stats in Adversarial(generator, shared["estimator"], shared["reward"]).losses(batches):
        generator.zero_grad()
        value.backward()
        steps += 1
        assert math.isfinite(value.item())
        assert all(not number.requires_grad for number in stats.values())
        if "discriminator" in each[4].shared:
            assert slope(generator) > 0, "the generator learns nothing"
    assert steps


def slope(module: nn.Module) -> float:
    """The sum of all gradients, finite."""
    total = sum(p.grad.abs().sum().item() for p in module.parameters() if p.grad is not None)
    assert math.isfinite(total)
    return total


def test_what_is_refused_is_told_in_a_sentence() -> None:
    refused = 0
    for each in EVERY:
        for block, text in incompatibilities(dict(zip(KINDS, each, strict=True))):
            refused += 1
            assert block in (*KINDS, "tokenizer")
            assert text.startswith('"')
            assert len(text.split()) > 5
    assert refused
    assert ACCEPTED


RELAXED = ("lstm", "text_cnn", "bce", "gumbel_softmax", "verdict")

MEANINGLESS = [
    # It would run: log_prob is a bound, whose gradient is not that of the likelihood.
    ("vae", "text_cnn", "bce", "reinforce", "verdict"),
    # It would run: a reward of codes says nothing about relaxed words.
    ("latent", "mlp", "wasserstein", "gumbel_softmax", "verdict"),
    # It would run, with a gradient of zero.
    ("lstm", "text_cnn", "bce", "gumbel_softmax", "constant"),
    # It would run: a sequence's roll-outs have no one verdict a token.
    ("infill", "token_attention", "bce", "rollout", "verdict"),
    # It would run: weights for a likelihood that is none.
    ("vae", "text_cnn", "importance_weighted", "gumbel_softmax", "verdict"),
    # It would run: the discriminator of another space reads words as if they were codes.
    ("lstm", "mlp", "bce", "reinforce", "verdict"),
]


@pytest.mark.parametrize("each", MEANINGLESS, ids="+".join)
def test_what_would_run_and_mean_nothing_is_refused(each: tuple[str, ...]) -> None:
    read = {kind: spec.read(registry.find(kind, name)) for kind, name in zip(KINDS, each, strict=True)}
    assert list(incompatibilities(read))


def test_who_reads_the_simplex_reads_its_corners() -> None:
    read = {kind: spec.read(registry.find(kind, name)) for kind, name in zip(KINDS, RELAXED, strict=True)}
    assert not list(incompatibilities(read))
    judge = read["discriminator"]
    read["discriminator"] = replace(judge, traits={**judge.traits, "input_spaces": frozenset({"simplex"})})
    assert [(block, "corners" in text) for block, text in incompatibilities(read)] == [("discriminator", True)]


@pytest.mark.parametrize("generator", [s.component.name for s in specs("generator")])
def test_words_are_given_to_generators_that_keep_them_alone(generator: str) -> None:
    """Sentences from noise have no place for them: that is known before anything runs."""
    read = {
        "blanks": spec.read(registry.find("blanks", "random")),
        "generator": spec.read(registry.find("generator", generator)),
    }
    refused = [text for block, text in incompatibilities(read) if block == "blanks"]
    assert bool(refused) is ("noise" in read["generator"].traits["capabilities"])
    assert all("lstm" in text for text in refused)


def test_the_matrix_is_not_lopsided() -> None:
    """Every component stands in some combination that works."""
    used = Counter(known.component.name for each in ACCEPTED for known in each)
    for kind in KINDS:
        for known in specs(kind):
            assert used[known.component.name], f"{kind} {known.component.name} works with nothing"
