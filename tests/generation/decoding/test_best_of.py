from __future__ import annotations

from pathlib import Path

import pytest
import torch

from textgan import recipe
from textgan.core.errors import UserError
from textgan.core.roles import Discriminator
from textgan.core.types import Batch, Samples, Scores, Vocabulary
from textgan.discriminators.mlp import Mlp
from textgan.generation.decoding.ancestral import Ancestral
from textgan.generation.decoding.best_of import BestOf
from textgan.generators.latent import Latent
from textgan.generators.lstm import Lstm
from textgan.runs import runner
from textgan.runs.run_dir import RunDir

VOCAB = Vocabulary(7, bos=1, eos=2, pad=0, forbidden_ids=(0, 1))


class CountsThrees(Discriminator):
    """Scores a sequence by its number of tokens 3; with `per_token`, scores each token by whether it is 3."""

    def __init__(self, per_token: bool = False) -> None:
        super().__init__()
        self.per_token = per_token

    def forward(self, samples: Samples) -> Scores:
        threes = ((samples.x == 3) & samples.valid).float()  # [B,T]
        logits = threes if self.per_token else threes.sum(1, keepdim=True)
        return Scores(logits, samples.valid.float() if self.per_token else torch.ones_like(logits))


def lstm() -> Lstm:
    torch.manual_seed(0)
    return Lstm(VOCAB, embed_dim=4, hidden_dim=5).eval()


@torch.no_grad()
def test_it_keeps_the_sample_with_the_highest_score() -> None:
    generator, batch, d = lstm(), Batch.blank(40, 5), CountsThrees()
    torch.manual_seed(3)
    sampled = [generator.sample(batch) for _ in range(6)]
    scores = torch.stack([d.score(samples).logits[:, 0] for samples in sampled])  # [6,B]
    first = scores.argmax(0)  # the first of equal ones
    torch.manual_seed(3)
    best = BestOf(d, 6)(generator, batch)
    assert torch.equal(best.x, torch.stack([sampled[i].x[row] for row, i in enumerate(first.tolist())]))
    assert torch.equal(best.valid, torch.stack([sampled[i].valid[row] for row, i in enumerate(first.tolist())]))
    assert scores.amax(0).mean() > scores.mean() + 0.5


@torch.no_grad()
def test_scores_of_tokens_are_averaged_without_padding() -> None:
    decoding = BestOf(CountsThrees(per_token=True))
    tokens = torch.tensor([[3, 4, 2, 3], [3, 3, 4, 4], [4, 4, 4, 4]])
    valid = torch.tensor([[1, 1, 1, 0], [1, 1, 1, 1], [1, 1, 1, 1]], dtype=torch.bool)
    assert decoding._score(Samples(tokens, valid, valid)).tolist() == torch.tensor([1 / 3, 2 / 4, 0]).tolist()


@torch.no_grad()
def test_n_1_is_ancestral_sampling() -> None:
    generator, batch = lstm(), Batch.blank(10, 5)
    torch.manual_seed(0)
    found = BestOf(CountsThrees(), 1)(generator, batch)
    torch.manual_seed(0)
    assert torch.equal(found.x, Ancestral()(generator, batch).x)


@torch.no_grad()
def test_codes_are_chosen_before_they_are_decoded() -> None:
    torch.manual_seed(0)
    generator = Latent(VOCAB, embed_dim=4, hidden_dim=5, code_dim=3, mapper_blocks=1).eval()
    critic = Mlp(generator, hidden_dim=6, blocks=1).eval()
    samples = BestOf(critic, 3)(generator, Batch.blank(7, 5))
    assert samples.x.shape == (7, 5)
    assert not samples.x.is_floating_point()


def test_without_a_discriminator_it_is_refused() -> None:
    with pytest.raises(UserError, match='"best_of" needs a discriminator'):
        recipe.load("mle", ["decoding=best_of"])


def test_as_a_control_it_is_evaluated_without_training(tmp_path: Path) -> None:
    small = (
        "device=cpu", "data.sentences=300", "data.validation=30", "data.test=30", "evaluate.samples=30",
        "batch_size=16", "generator.embed_dim=8", "generator.hidden_dim=8", "discriminator.filters=4",
        "estimator.rollouts=1", "phases.pretrain-g.rounds=3", "phases.pretrain-d.rounds=2",
        "phases.adversarial.rounds=1",
        "phases.pretrain-d.turns.discriminator.pool=48", "phases.adversarial.turns.discriminator.pool=48",
        "controls={best-of-4: {decoding: {name: best_of, n: 4}, phases: {adversarial: null}}}",
    )  # fmt: skip
    result = runner.start(recipe.load("seqgan", small), tmp_path / "run")
    assert list(result.columns) == ["pretrain-g", "adversarial", "best-of-4"]
    entries = RunDir(tmp_path / "run/controls/best-of-4").entries()
    assert [entry["kind"] for entry in entries] == ["evaluation"]
    assert entries[0]["global_round"] == 5, "from the checkpoint after the discriminator's pre-training"
    before, chosen = result.columns["pretrain-g"], result.columns["best-of-4"]
    assert chosen["nll_test"] == before["nll_test"], "the generator is the same"
    assert chosen["nll_oracle"] != before["nll_oracle"], "its samples are not"
