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


class LikesThrees(Discriminator):
    """The logit of each sequence is how often it says 3; told word by word, if it judges tokens."""

    def __init__(self, each: bool = False) -> None:
        super().__init__()
        self.each = each

    def forward(self, samples: Samples) -> Scores:
        threes = ((samples.x == 3) & samples.valid).float()  # [B,T]
        logits = threes if self.each else threes.sum(1, keepdim=True)
        return Scores(logits, samples.valid.float() if self.each else torch.ones_like(logits))


def lstm() -> Lstm:
    torch.manual_seed(0)
    return Lstm(VOCAB, embed_dim=4, hidden_dim=5).eval()


@torch.no_grad()
def test_it_keeps_the_one_that_the_discriminator_likes_best() -> None:
    generator, batch, d = lstm(), Batch.blank(40, 5), LikesThrees()
    torch.manual_seed(3)
    drawn = [generator.sample(batch) for _ in range(6)]
    worth = torch.stack([d.score(samples).logits[:, 0] for samples in drawn])  # [6,B]
    first = worth.argmax(0)  # of equal ones the first
    torch.manual_seed(3)
    best = BestOf(d, 6)(generator, batch)
    assert torch.equal(best.x, torch.stack([drawn[i].x[row] for row, i in enumerate(first.tolist())]))
    assert torch.equal(best.valid, torch.stack([drawn[i].valid[row] for row, i in enumerate(first.tolist())]))
    assert worth.amax(0).mean() > worth.mean() + 0.5


@torch.no_grad()
def test_verdicts_on_tokens_count_with_their_mean_and_padding_not() -> None:
    decoding = BestOf(LikesThrees(each=True))
    tokens = torch.tensor([[3, 4, 2, 3], [3, 3, 4, 4], [4, 4, 4, 4]])
    valid = torch.tensor([[1, 1, 1, 0], [1, 1, 1, 1], [1, 1, 1, 1]], dtype=torch.bool)
    assert decoding._worth(Samples(tokens, valid, valid)).tolist() == torch.tensor([1 / 3, 2 / 4, 0]).tolist()


@torch.no_grad()
def test_of_one_it_is_ancestral_sampling() -> None:
    generator, batch = lstm(), Batch.blank(10, 5)
    torch.manual_seed(0)
    ours = BestOf(LikesThrees(), 1)(generator, batch)
    torch.manual_seed(0)
    assert torch.equal(ours.x, Ancestral()(generator, batch).x)


@torch.no_grad()
def test_codes_are_chosen_before_they_are_written_down() -> None:
    torch.manual_seed(0)
    generator = Latent(VOCAB, embed_dim=4, hidden_dim=5, code_dim=3, mapper_blocks=1).eval()
    critic = Mlp(generator, hidden_dim=6, blocks=1).eval()
    made = BestOf(critic, 3)(generator, Batch.blank(7, 5))
    assert made.x.shape == (7, 5)
    assert not made.x.is_floating_point()


def test_without_a_discriminator_it_is_refused() -> None:
    with pytest.raises(UserError, match='"best_of" needs a discriminator'):
        recipe.load("mle", ["decoding=best_of"])


def test_as_a_control_it_is_measured_without_any_training(tmp_path: Path) -> None:
    small = (
        "device=cpu", "data.sentences=300", "data.validation=30", "data.test=30", "evaluate.samples=30",
        "batch_size=16", "generator.embed_dim=8", "generator.hidden_dim=8", "discriminator.filters=4",
        "estimator.rollouts=1", "phases.pretrain-g.rounds=3", "phases.pretrain-d.rounds=2", "phases.adversarial.rounds=1",
        "phases.pretrain-d.turns.0.pool=48", "phases.adversarial.turns.1.pool=48",
        "controls={best-of-4: {decoding: {name: best_of, n: 4}, phases: {adversarial: null}}}",
    )  # fmt: skip
    result = runner.start(recipe.load("seqgan", small), tmp_path / "run")
    assert list(result.columns) == ["pretrain-g", "adversarial", "best-of-4"]
    entries = RunDir(tmp_path / "run/controls/best-of-4").entries()
    assert [entry["kind"] for entry in entries] == ["evaluation"]
    assert entries[0]["step"] == 5, "from the checkpoint behind the discriminator's pre-training"
    before, chosen = result.columns["pretrain-g"], result.columns["best-of-4"]
    assert chosen["nll_test"] == before["nll_test"], "the generator is the same"
    assert chosen["nll_oracle"] != before["nll_oracle"], "what it says is not"
