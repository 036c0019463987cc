"""Measures what a discriminator has learned: how often it prefers the better of two sentences.

    python docs/methods/score_pairs.py runs/mine/checkpoints/000625

Prints the share of pairs of a held-out and a generated sentence in which the held-out one has the higher reward, and
the same for pairs of a grammatical and an ungrammatical generated sentence. 50 % is a random guess. The data must have
a grammar.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from torch import Tensor

from textgan import recipe
from textgan.runs import checkpoint
from textgan.runs.builder import Run, build
from textgan.types import Batch, Samples

GENERATED, REFERENCES = 4000, 512


def rewards(run: Run, samples: Samples) -> Tensor:
    """Computes the reward of each sequence, [B]; a ranker compares with some training text."""
    real = run.generator.real(run.corpus.train.batch[:REFERENCES])
    with torch.no_grad():
        found: Tensor = run.shared["reward"](samples, real)
    return found.sum(1)


def preferred(better: Tensor, worse: Tensor) -> float:
    """Returns the share of all pairs in which the better one has the higher number; ties count half."""
    ordered = worse.sort().values
    below = torch.searchsorted(ordered, better) + torch.searchsorted(ordered, better, right=True)
    return float(below.double().mean()) / (2 * len(worse))


def main(paths: list[Path]) -> None:
    for path in paths:
        run = build(recipe.load(path.parent.parent / "recipe.yaml"))
        checkpoint.restore(run, path)
        torch.manual_seed(0)
        with torch.no_grad():
            generated = run.generator.sample(Batch.blank(GENERATED, run.corpus.max_len))
        oracle = run.corpus.oracle
        assert oracle is not None, "the data has no grammar"
        belongs = oracle.grammatical(generated.x, generated.valid)
        fake, real = rewards(run, generated), rewards(run, run.generator.real(run.corpus.test.batch))
        apart, grammar = preferred(real, fake), preferred(fake[belongs], fake[~belongs])
        print(f"{path}: real above generated {apart:.1%}, grammatical above ungrammatical {grammar:.1%}")


if __name__ == "__main__":
    main([Path(argument) for argument in sys.argv[1:]])
