"""Generates text by means of latent codes: interpolates between sentences, reconstructs them and fills in blanks.

Bowman et al. 2015 (arXiv:1511.06349), sections 4 and 5. Training uses none of these functions.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from textgan.core.roles import Generator, TokenSampler
from textgan.core.types import Batch, Samples
from textgan.generation.token_samplers import from_logits, greedy
from textgan.nn import normal
from textgan.ops.categorical import inverse_cdf

PROPOSALS = 256
"""Sentences that each round of `impute` proposes."""
ROUNDS = 3
"""Rounds of `impute` after the first proposals."""
KEPT = 8
"""Sentences whose codes the next round of `impute` decodes."""
PASSES = 16
"""Log-probabilities to average for each sentence, if `log_prob` is a bound and thus random."""


@torch.no_grad()
def interpolate(generator: Generator, ends: Batch, count: int, length: int) -> Samples:
    """Decodes `count` equidistant points of the line between two sentences' codes greedily, both ends included.

    Args:
        generator: a generator with the capability "codes".
        ends: [2,T], the sentences to interpolate between.
        count: number of sentences to return, N.
        length: maximum length of the generated sentences, in tokens.

    Returns:
        Samples [N,length].
    """
    first, last = generator.encode(ends)  # [Z]
    weight = torch.linspace(0, 1, count, device=first.device).unsqueeze(1)  # [N,1]
    return generator.decode_codes(torch.lerp(first, last, weight), Batch.blank(count, length, first.device), greedy)


@torch.no_grad()
def reconstruct(generator: Generator, sentence: Batch, count: int, length: int) -> Samples:
    """Encodes a sentence and decodes it greedily: first its mean code, then samples of its posterior.

    Args:
        generator: a generator with the capability "codes".
        sentence: [1,T].
        count: number of sentences to return.
        length: maximum length of the generated sentences, in tokens.

    Returns:
        Samples [count,length]. One row if the generator has no posterior: further rows would be the same.
    """
    codes = generator.encode(sentence)  # [1,Z]
    if "posterior" in generator.capabilities:
        mean, log_variance = generator.posterior(sentence)
        sampled = normal.sample(mean.expand(count - 1, -1), log_variance.expand(count - 1, -1))
        codes = torch.cat([codes, sampled])
    return generator.decode_codes(codes, Batch.blank(len(codes), length, codes.device), greedy)


@torch.no_grad()
def impute(generator: Generator, template: Batch, count: int, forbidden: Sequence[int]) -> Samples:
    """Searches for the most likely ways to fill in the blanks of a sentence; returns up to `count`, best first.

    The search runs in rounds. Each round proposes sentences that keep the given tokens, and adds them to the best ones
    so far. The next proposals are decoded from codes of the best, sampled from their posterior. Sentences are ranked by
    the `log_prob` of all their tokens, so the tokens after a blank count. A generator without codes samples
    every proposal independently.

    The paper's iterated conditional modes start with the unknown token in each blank. They then alternate between the
    mode of the code and a beam search conditioned on it. Here the first proposals are decoded from codes of the prior,
    sampling replaces the beam, and the ranking uses the bound of log p(x) instead of log p(x|z) for one code.

    Args:
        generator: a generator with the capability "log_prob", and "codes" for the search described above.
        template: [1,T], `given` at every position that is not a blank.
        count: maximum number of sentences to return.
        forbidden: ids that must not fill a blank.
    """
    proposal = Batch(*(part.expand(PROPOSALS, -1) for part in (template.tokens, template.valid, template.given)))
    token_sampler = _sampler_without(forbidden)
    best = _rank(generator, generator.sample(proposal, token_sampler).x, template)
    for _ in range(ROUNDS):
        if "codes" in generator.capabilities:
            proposed = generator.decode_codes(_sample_codes(generator, best, template), proposal, token_sampler)
        else:
            proposed = generator.sample(proposal, token_sampler)
        best = _rank(generator, torch.cat([best[:PROPOSALS], proposed.x]), template)
    valid = template.valid.expand(len(best), -1)
    return Samples(best, valid, valid & ~template.given)[:count]


def _sampler_without(ids: Sequence[int]) -> TokenSampler:
    """Returns an ancestral token sampler that never samples these ids."""

    def sample(logits: Tensor) -> Tensor:
        forbidden = torch.tensor(ids, dtype=torch.long, device=logits.device)
        return inverse_cdf(logits.index_fill(1, forbidden, -torch.inf))

    return from_logits(sample)


def _sample_codes(generator: Generator, best: Tensor, template: Batch) -> Tensor:
    """Samples a code for each proposal, [PROPOSALS,Z], from the `KEPT` best sentences [N,T] in turn."""
    rows = best[torch.arange(PROPOSALS, device=best.device) % min(KEPT, len(best))]
    batch = Batch(rows, template.valid.expand(len(rows), -1), template.given.expand(len(rows), -1))
    if "posterior" in generator.capabilities:
        return normal.sample(*generator.posterior(batch))
    return generator.encode(batch)


def _rank(generator: Generator, tokens: Tensor, template: Batch) -> Tensor:
    """Removes duplicate sentences from [N,T] and sorts the rest by log-probability, most likely first."""
    rows: Tensor = tokens.unique(dim=0)
    valid = template.valid.expand(len(rows), -1)
    passes = PASSES if generator.bound else 1
    scores = torch.stack([generator.log_prob(Samples(rows, valid, valid)).sum(1) for _ in range(passes)]).mean(0)
    order = scores.argsort(descending=True)
    return rows[order]
