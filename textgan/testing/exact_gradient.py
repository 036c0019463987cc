"""Computes the exact policy gradient of small problems, by enumeration.

With V tokens and T positions there are at most V^T sequences, so sum_y pi(y) R(y) can be differentiated directly. The
expected gradient of an unbiased estimator equals it, in direction and in scale.
"""

from __future__ import annotations

import torch
from torch import Tensor

from textgan.core.roles import Estimator, Generator, RewardFn
from textgan.core.types import Batch, Samples, Vocabulary

LIMIT = 50_000
"""The largest number of sequences to enumerate: 6 tokens at 6 positions are 46,656."""


def enumerate_sequences(vocab: Vocabulary, length: int) -> Samples:
    """Returns every sequence of up to `length` tokens that a generator can sample, each once, [N,T].

    Args:
        vocab: forbidden ids are left out.
        length: T.

    Raises:
        ValueError: if there are more than 50,000.
    """
    allowed = [token for token in range(vocab.size) if token not in vocab.forbidden_ids]
    if len(allowed) ** length > LIMIT:
        raise ValueError(f"{len(allowed)} tokens at {length} positions: too many sequences to enumerate")
    rows = torch.cartesian_prod(*[torch.tensor(allowed)] * length).view(-1, length)
    ends = rows == vocab.eos if vocab.eos is not None else torch.zeros_like(rows, dtype=torch.bool)
    valid = ends.cumsum(1) - ends.long() == 0
    tokens = rows.masked_fill(~valid, vocab.pad).unique(dim=0)
    ends = tokens == vocab.eos if vocab.eos is not None else torch.zeros_like(tokens, dtype=torch.bool)
    valid = ends.cumsum(1) - ends.long() == 0
    return Samples(tokens, valid, valid.clone())


def exact_gradient(generator: Generator, reward: RewardFn, vocab: Vocabulary, length: int) -> Tensor:
    """Computes the gradient of the expected reward over all parameters, flattened, [P].

    Args:
        generator: must have an exact log_prob.
        reward: of a sequence [N,1], or of its tokens [N,T]; those are added up.
        vocab: the generator's vocabulary.
        length: T.

    Raises:
        ValueError: if there are too many sequences to enumerate.
    """
    samples = enumerate_sequences(vocab, length)
    with torch.no_grad():
        each = reward(samples)  # [N,K]
        total = each[:, 0] if each.shape[1] == 1 else (each * samples.chosen).sum(1)  # [N]
    probability = generator.log_prob(samples).sum(1).exp()  # [N]
    generator.zero_grad()
    (probability * total).sum().backward()
    return flat(generator)


def expected_gradient(
    estimator: Estimator, generator: Generator, reward: RewardFn, batch: Batch, repeats: int = 1
) -> tuple[Tensor, Tensor]:
    """Estimates `exact_gradient` by an estimator's mean gradient over several batches.

    Its sign is that of the reward's gradient, while losses are minimised.

    Args:
        estimator: whose losses are differentiated.
        generator: the generator to differentiate for.
        reward: of samples, [R,1] or [R,T].
        batch: the shape of the samples, and what is given.
        repeats: number of batches.

    Returns:
        The mean gradient and its standard error, both [P]; the error is infinite for a single gradient.
    """
    each = []
    for _ in range(repeats):
        for loss in estimator.losses(generator, reward, batch):
            generator.zero_grad()
            loss.value.backward()
            each.append(-flat(generator))
    stacked = torch.stack(each).double()
    error = stacked.std(0) / len(each) ** 0.5 if len(each) > 1 else torch.full_like(stacked[0], torch.inf)
    return stacked.mean(0).float(), error.float()


def flat(generator: Generator) -> Tensor:
    """Returns all gradients of a generator in one vector, [P], with zeros for parameters without a gradient."""
    parts = [p.grad if p.grad is not None else torch.zeros_like(p) for p in generator.parameters() if p.requires_grad]
    return torch.cat([p.detach().flatten() for p in parts]).clone()
