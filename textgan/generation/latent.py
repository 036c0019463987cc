"""What a trained generator's codes are good for: a walk between sentences, a sentence again, its missing words.

Bowman et al. 2015 (arXiv:1511.06349), sections 4 and 5. Nothing here is part of training.
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

PROPOSED = 256
"""Sentences that a round of imputing proposes."""
ROUNDS = 3
KEPT = 8
"""The best so far, from whose codes the next round writes."""
PASSES = 16
"""Times that a sentence is scored where scores are left to chance."""


@torch.no_grad()
def interpolate(generator: Generator, ends: Batch, count: int, length: int) -> Samples:
    """Sentences from `count` points of the straight line between two codes, both ends included; likeliest words.

    Args:
        ends: [2,T], the sentences that it runs between.
        length: of what is written, at most.
    """
    first, last = generator.encode(ends)  # [Z]
    share = torch.linspace(0, 1, count, device=first.device).unsqueeze(1)  # [N,1]
    return generator.decode_codes(torch.lerp(first, last, share), Batch.blank(count, length, first.device), greedy)


@torch.no_grad()
def reconstruct(generator: Generator, sentence: Batch, count: int, length: int) -> Samples:
    """One sentence [1,T] written again with the likeliest words: from its code, then from draws of its posterior.

    As many rows as `count`, or one of a generator that offers no posterior: it would write the same again.
    """
    codes = generator.encode(sentence)  # [1,Z]
    if "posterior" in generator.capabilities:
        mean, log_variance = generator.posterior(sentence)
        drawn = normal.sample(mean.expand(count - 1, -1), log_variance.expand(count - 1, -1))
        codes = torch.cat([codes, drawn])
    return generator.decode_codes(codes, Batch.blank(len(codes), length, codes.device), greedy)


@torch.no_grad()
def impute(generator: Generator, template: Batch, count: int, forbidden: Sequence[int]) -> Samples:
    """The likeliest ways that were found to fill the blanks of a sentence, best first, at most `count`.

    In rounds: sentences that keep what is given are proposed, the best of all so far stay, and the next ones are
    written behind codes of these, drawn from their posterior. Best is by `log_prob` of the whole sentence, so what
    stands behind a blank counts. A generator without codes proposes afresh each time.

    The paper's iterated conditional modes start with the unknown word in each blank, then alternate between the mode of
    the code and a beam of words behind it. Here the first proposals are written behind codes of the prior, chance
    takes the place of the beam, and what is compared is the bound of log p(x), not log p(x|z) behind one code.

    Args:
        template: [1,T], `given` wherever there is no blank.
        forbidden: ids that no blank may be filled with.
    """
    several = Batch(*(part.expand(PROPOSED, -1) for part in (template.tokens, template.valid, template.given)))
    draw = _barring(forbidden)
    best = _ranked(generator, generator.sample(several, draw).x, template)
    for _ in range(ROUNDS):
        if "codes" in generator.capabilities:
            proposed = generator.decode_codes(_codes(generator, best, template), several, draw)
        else:
            proposed = generator.sample(several, draw)
        best = _ranked(generator, torch.cat([best[:PROPOSED], proposed.x]), template)
    valid = template.valid.expand(len(best), -1)
    return Samples(best, valid, valid & ~template.given)[:count]


def _barring(words: Sequence[int]) -> TokenSampler:
    """Ancestral draws of any other word."""

    def draw(logits: Tensor) -> Tensor:
        forbidden = torch.tensor(words, dtype=torch.long, device=logits.device)
        return inverse_cdf(logits.index_fill(1, forbidden, -torch.inf))

    return from_logits(draw)


def _codes(generator: Generator, best: Tensor, template: Batch) -> Tensor:
    """A code for each proposal, [PROPOSED,Z], of the `KEPT` best sentences [N,T] in turn."""
    rows = best[torch.arange(PROPOSED, device=best.device) % min(KEPT, len(best))]
    batch = Batch(rows, template.valid.expand(len(rows), -1), template.given.expand(len(rows), -1))
    if "posterior" in generator.capabilities:
        return normal.sample(*generator.posterior(batch))
    return generator.encode(batch)


def _ranked(generator: Generator, tokens: Tensor, template: Batch) -> Tensor:
    """The different sentences among [N,T], the likeliest first."""
    rows: Tensor = tokens.unique(dim=0)
    valid = template.valid.expand(len(rows), -1)
    passes = PASSES if generator.bound else 1
    scores = torch.stack([generator.log_prob(Samples(rows, valid, valid)).sum(1) for _ in range(passes)]).mean(0)
    order = scores.argsort(descending=True)
    return rows[order]
