"""What must also hold on a CUDA device. Skipped without one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from textgan import recipe
from textgan.core.types import Batch, Samples, Vocabulary
from textgan.discriminators.text_cnn import TextCnn
from textgan.generators.lstm import Lstm
from textgan.runs import runner
from textgan.runs.builder import build
from textgan.training.loop import play

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]
VOCAB = Vocabulary(9, bos=1, eos=2, pad=0, forbidden_ids=(0, 1))


def move(samples: Samples, device: str) -> Samples:
    return replace(samples, x=samples.x.to(device), valid=samples.valid.to(device), chosen=samples.chosen.to(device))


def test_log_prob_and_scores_equal_those_of_the_cpu() -> None:
    torch.manual_seed(0)
    generator, d = Lstm(VOCAB, 8, 8).eval(), TextCnn(VOCAB, 8, (1, 2, 3), 8).eval()
    samples = generator.sample(Batch.blank(64, 6))
    on_cpu, logits = generator.log_prob(samples), d(samples).logits
    generator, d = generator.cuda(), d.cuda()
    on_gpu = move(samples, "cuda")
    torch.testing.assert_close(generator.log_prob(on_gpu).cpu(), on_cpu, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(d(on_gpu).logits.cpu(), logits, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(d.score(on_gpu).logits.cpu(), logits, atol=1e-4, rtol=1e-4)


def test_rollouts_keep_their_prefix_and_continue_every_prefix() -> None:
    generator = Lstm(VOCAB, 8, 8).eval().cuda()
    with torch.no_grad():
        samples = generator.sample(Batch.blank(16, 6, "cuda"))
        (part,) = generator.rollouts(samples, 2)
    kept = torch.arange(6, device="cuda") < part.prefix.unsqueeze(1)
    assert torch.equal(part.samples.x[kept], samples.x[part.source][kept])
    assert len(part.prefix) == 16 * 5 * 2


def test_the_default_recipe_runs(tmp_path: Path) -> None:
    settings = ["device=cuda", "data.sentences=500", "evaluate.samples=50", "phases.pretrain-g.rounds=10",
                "phases.pretrain-d.rounds=4", "phases.adversarial.rounds=2"]  # fmt: skip
    result = runner.start(recipe.load("seqgan", settings), tmp_path / "run")
    assert {"pretrain-g", "adversarial", "constant-reward", "continued-mle"} == set(result.columns)


@pytest.mark.parametrize("name", ["seqgan", "rankgan", "maskgan", "gumbel_softmax", "vae", "actor_critic"])
def test_no_step_waits(name: str) -> None:
    """Checked by PyTorch itself, unlike in test_no_waiting.py. Only the second pass counts, when caches are filled."""
    run = build(recipe.load(name, ["device=cuda", "data.sentences=500", "batch_size=16"]))
    turns = [turn for phase in run.phases for turn in phase.turns]
    for checked in (False, True):
        for turn in turns:
            torch.cuda.set_sync_debug_mode("error" if checked else "default")
            try:
                play(replace(turn, times=1), run.batches)
            finally:
                torch.cuda.set_sync_debug_mode("default")
