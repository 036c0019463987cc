"""What has a discriminator learned? How often it prefers the right one of two sentences.

    python docs/methods/verdicts.py runs/mine/checkpoints/000625

Of pairs of a held-out and a written sentence, the share in which the held-out one would earn more; and the same of
pairs of a grammatical and an ungrammatical sentence, both written. 50 % is chance. The data must have a grammar.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from torch import Tensor

from textgan.runs import checkpoint
from textgan import recipe
from textgan.runs.builder import Run, build
from textgan.core.types import Batch, Samples

WRITTEN, KNOWN = 4000, 512


def worth(run: Run, samples: Samples) -> Tensor:
    """What each sequence would earn, [B]; a ranker compares with some training text."""
    real = run.generator.real(run.corpus.train.batch[:KNOWN])
    with torch.no_grad():
        paid: Tensor = run.shared["reward"](samples, real)
    return paid.sum(1)


def preferred(better: Tensor, worse: Tensor) -> float:
    """The share of all pairs in which the better one has the higher number; ties count half."""
    ordered = worse.sort().values
    below = torch.searchsorted(ordered, better) + torch.searchsorted(ordered, better, right=True)
    return float(below.double().mean()) / (2 * len(worse))


def main(paths: list[Path]) -> None:
    for path in paths:
        run = build(recipe.load(path.parent.parent / "recipe.yaml"))
        checkpoint.restore(run, path)
        torch.manual_seed(0)
        with torch.no_grad():
            written = run.generator.sample(Batch.blank(WRITTEN, run.corpus.max_len))
        oracle = run.corpus.oracle
        assert oracle is not None, "the data has no grammar"
        belongs = oracle.grammatical(written.x, written.valid)
        earned, real = worth(run, written), worth(run, run.generator.real(run.corpus.test.batch))
        told, grammar = preferred(real, earned), preferred(earned[belongs], earned[~belongs])
        print(f"{path}: real before written {told:.1%}, grammatical before ungrammatical {grammar:.1%}")


if __name__ == "__main__":
    main([Path(argument) for argument in sys.argv[1:]])
