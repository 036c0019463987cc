"""Measures the direction of the Gumbel-softmax gradient on a real problem, against a trained discriminator.

    python docs/methods/path_gradients.py runs/mine/checkpoints/001600

Generator and discriminator come from a checkpoint of a run of `gumbel_softmax` and are fixed. The estimate of the true
gradient is the mean over `TRUE` batches of the roll-out estimator, which is unbiased. The mean of a noisy gradient over
few batches deviates by sampling noise alone: "halves" is the cosine between the means of the even and of the odd
batches, which corrects "mean".
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from torch import Tensor

from textgan import recipe
from textgan.estimators.gumbel_softmax import GumbelSoftmax
from textgan.estimators.rollout import Rollout
from textgan.roles import Estimator
from textgan.runs import checkpoint
from textgan.runs.builder import Run, build
from textgan.testing import flat
from textgan.types import Batch

TRUE, BATCHES, ROWS = 12, 10, 256


def gradients(estimator: Estimator, run: Run, batches: int, rows: int) -> Tensor:
    """Returns one gradient per batch, [batches,P]."""
    real = estimator.reals(run.generator, next(run.batches))
    each = []
    for _ in range(batches):
        batch = Batch.blank(rows, run.corpus.max_len)
        (loss,) = estimator.losses(run.generator, lambda fake: run.shared["reward"](fake, real), batch)
        run.generator.zero_grad()
        loss.value.backward()
        each.append(-flat(run.generator))
    return torch.stack(each)


def cosine(one: Tensor, other: Tensor) -> float:
    return float(torch.cosine_similarity(one, other, dim=0))


def reliability(found: Tensor) -> tuple[float, float]:
    """Returns the cosine between the means of two halves, and the implied one between the full mean and the truth."""
    halves = cosine(found[::2].mean(0), found[1::2].mean(0))
    return halves, (2 * max(halves, 0.0) / (1 + max(halves, 0.0))) ** 0.5


def main(path: Path) -> None:
    torch.manual_seed(0)
    run = build(recipe.load(path.parent.parent / "recipe.yaml"))
    checkpoint.restore(run, path)
    true = gradients(Rollout(run.generator, 4), run, TRUE, 2 * ROWS)
    known = reliability(true)[1]
    print(f"{'':40} {'one batch':>10} {'mean':>6} {'halves':>7} {'length':>7}")
    print(f"{'rollout, N = 4':40} {cosine(true[0], true.mean(0)):10.2f} {known:6.2f}")
    settings = [(t, True, n) for n in (1, 4) for t in (1.0, 0.5, 0.25)] + [(1.0, False, 1), (0.5, False, 1)]
    for temperature, straight, count in settings:
        estimator = GumbelSoftmax(run.corpus.vocab, temperature, straight, count)
        found = gradients(estimator, run, BATCHES, ROWS)
        one = sum(cosine(g, true.mean(0)) for g in found) / BATCHES / known
        halves, reliable = reliability(found)
        mean = cosine(found.mean(0), true.mean(0)) / known / reliable if reliable else float("nan")
        kind = f"straight-through, {count} gradient samples" if straight else "relaxed"
        length = float(found.mean(0).norm() / true.mean(0).norm())
        print(f"{temperature:<5} {kind:34} {one:10.2f} {mean:6.2f} {halves:7.2f} {length:7.2f}", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
