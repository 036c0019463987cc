"""The true policy gradient of small problems, by enumeration.

With V words and T positions there are at most V^T sequences, so sum_y pi(y) R(y) can be differentiated as it stands.
Whatever an estimator's average gradient is, it has to be this one, in direction and in scale.
"""

from __future__ import annotations

import torch
from torch import Tensor

from textgan.core.roles import Estimator, Generator, RewardFn
from textgan.core.types import Batch, Samples, Vocabulary

LIMIT = 50_000
"""Sequences to enumerate at most: 6 words at 6 positions are 46,656."""


def enumerate_sequences(vocab: Vocabulary, length: int) -> Samples:
    """Every sequence of up to `length` tokens that a generator can write, each once, [N,T].

    Raises:
        ValueError: if there are more than 50,000.
    """
    words = [w for w in range(vocab.size) if w not in vocab.forbidden_ids]
    if len(words) ** length > LIMIT:
        raise ValueError(f"{len(words)} words at {length} positions are too many sequences to enumerate")
    rows = torch.cartesian_prod(*[torch.tensor(words)] * length).view(-1, length)
    ends = rows == vocab.eos if vocab.eos is not None else torch.zeros_like(rows, dtype=torch.bool)
    valid = ends.cumsum(1) - ends.long() == 0
    tokens = rows.masked_fill(~valid, vocab.pad).unique(dim=0)
    ends = tokens == vocab.eos if vocab.eos is not None else torch.zeros_like(tokens, dtype=torch.bool)
    valid = ends.cumsum(1) - ends.long() == 0
    return Samples(tokens, valid, valid.clone())


def exact_gradient(generator: Generator, reward: RewardFn, vocab: Vocabulary, length: int) -> Tensor:
    """The gradient of the expected reward over all parameters, flattened, [P].

    The reward of a sequence is the mean of nothing: [N,1] as it is, or [N,T] summed over its tokens.
    """
    samples = enumerate_sequences(vocab, length)
    with torch.no_grad():
        each = reward(samples)  # [N,K]
        worth = each[:, 0] if each.shape[1] == 1 else (each * samples.chosen).sum(1)  # [N]
    probability = generator.log_prob(samples).sum(1).exp()  # [N]
    generator.zero_grad()
    (probability * worth).sum().backward()
    return flat(generator)


def expected_gradient(
    estimator: Estimator, generator: Generator, reward: RewardFn, batch: Batch, repeats: int = 1
) -> tuple[Tensor, Tensor]:
    """The estimator's mean gradient of the reward over `repeats` batches, and its standard error, both [P].

    The sign is turned, since losses are minimised: this estimates `exact_gradient`.
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
    """All gradients of a generator in one vector, zeros where there are none."""
    parts = [p.grad if p.grad is not None else torch.zeros_like(p) for p in generator.parameters() if p.requires_grad]
    return torch.cat([p.detach().flatten() for p in parts]).clone()
