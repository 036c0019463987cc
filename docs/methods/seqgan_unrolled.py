"""SeqGAN (Yu et al. 2017, arXiv:1609.05473) in three plain loops: no recipe, no turns, no estimator.

    python docs/methods/seqgan_unrolled.py

The recipe `seqgan` takes the same steps: a test compares the losses of both, seed for seed, bit for bit.
Shapes: B sequences, T positions, V tokens, N roll-outs a prefix, R roll-outs in total.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits as cross_entropy

from textgan.core.seeding import derive, stream
from textgan.data.batches import Batches
from textgan.data.corpus import build_corpus
from textgan.data.sources.grammar import Grammar
from textgan.discriminators.text_cnn import TextCnn
from textgan.generators.lstm import Lstm
from textgan.types import Batch, Samples


@dataclass(frozen=True)
class Settings:
    """The values of the recipe `seqgan`, in its order."""

    sentences: int = 50_000
    batch_size: int = 64
    embed_dim: int = 64
    hidden_dim: int = 64
    widths: tuple[int, ...] = (2, 3, 4, 5)
    filters: int = 64
    l2: float = 0.01
    rollouts: int = 2
    lr_generator: float = 5e-3
    lr_policy: float = 1e-3
    lr_discriminator: float = 2e-3
    clip: float = 5.0
    pretrain_g: int = 600
    pretrain_d: int = 25
    adversarial: int = 100
    policy_batch: int = 512  # sentences for one policy step
    pool: int = 2560  # sentences for one round of the discriminator


def train(s: Settings, seed: int = 0) -> Iterator[tuple[str, dict[str, Tensor]]]:
    """Yields the phase and its losses after every round."""
    corpus = build_corpus(Grammar(sentences=s.sentences), None, None, derive(seed, "data"))
    batches = Batches(corpus.train.batch, s.batch_size, derive(seed, "batches"))
    with stream(seed, "init", "generator"):
        g = Lstm(corpus.vocab, s.embed_dim, s.hidden_dim).eval()
    with stream(seed, "init", "discriminator"):
        d = TextCnn(corpus.vocab, widths=s.widths, filters=s.filters, l2=s.l2).eval()
    g_parameters = [p for p in g.parameters() if p.requires_grad]
    likelihood = torch.optim.Adam(g_parameters, s.lr_generator, fused=True)
    policy = torch.optim.Adam(g_parameters, s.lr_policy, fused=True)  # with its own moments
    d_optimizer = torch.optim.Adam(d.parameters(), s.lr_discriminator, fused=True)
    torch.manual_seed(seed)

    def several(count: int) -> Batch:
        return Batch.cat([next(batches) for _ in range(-(-count // s.batch_size))])[:count]

    # 1. The generator learns from real text: minimise -log pi(x), in nats per token.
    for _ in range(s.pretrain_g):
        batch = next(batches)
        log_pi = g.log_prob(g.real(batch))  # [B,T]
        nll = -log_pi.sum() / batch.valid.sum()
        likelihood.zero_grad()
        nll.backward()
        nn.utils.clip_grad_norm_(g_parameters, s.clip)
        likelihood.step()
        yield "pretrain-g", {"nll_train": nll.detach()}

    d.embedding.load_state_dict(g.embedding.state_dict())  # a warm start with the generator's embeddings

    # 2. The discriminator learns to tell real text from generated text: minimise -log D(x) - log(1 - D(y)), halved.
    def discriminate() -> Tensor:
        batch = several(s.pool)
        x = g.real(batch)
        with torch.no_grad():
            y = g.sample(batch)  # as many as real ones; nothing in the batch is given
        shuffled = torch.randperm(len(y)).split(s.batch_size), torch.randperm(len(x)).split(s.batch_size)
        d.train()  # dropout is on here, and only here
        total = torch.zeros(())
        for of_y, of_x in zip(*shuffled, strict=True):
            on_x, on_y = d(Samples.cat([x[of_x], y[of_y]])).logits.chunk(2)  # [B,1], D = sigmoid(logit)
            real, fake = torch.ones_like(on_x), torch.zeros_like(on_y)
            loss = 0.5 * (cross_entropy(on_x, real) + cross_entropy(on_y, fake))
            d_optimizer.zero_grad()
            (loss + d.penalty()).backward()
            d_optimizer.step()
            total += loss.detach()
        d.eval()
        return total / len(shuffled[0])

    for _ in range(s.pretrain_d):
        yield "pretrain-d", {"d_loss": discriminate()}

    # 3. The generator's reward is D(y), by policy gradient; the discriminator is updated in turn.
    for _ in range(s.adversarial):
        with torch.no_grad():
            y = g.sample(several(s.policy_batch))
            reward = d.score(y).logits.sigmoid()  # [B,1]
            q = action_values(g, d, y, reward, s.rollouts)  # [B,T]
            b = leave_one_out(q)  # [B,T], the mean over the other sequences
        # grad E[D(y)] = E[sum_t (Q_t - b_t) grad log pi(y_t | y_<t)]
        g_loss = -(g.log_prob(y) * (q - b) * y.chosen).sum(1).mean()
        policy.zero_grad()
        g_loss.backward()
        nn.utils.clip_grad_norm_(g_parameters, s.clip)
        policy.step()
        yield "adversarial", {"g_loss": g_loss.detach(), "reward_mean": reward.mean(), "d_loss": discriminate()}


def action_values(g: Lstm, d: TextCnn, y: Samples, reward: Tensor, n: int) -> Tensor:
    """Q(y_<t, y_t): the mean D of n completions of y_<=t; at the last token, D(y). [B,T]"""
    rows, length = y.x.shape
    total = torch.zeros(rows * length)
    for rolled in g.rollouts(y, n):  # row r keeps the first prefix[r] tokens of sequence source[r]
        token = rolled.source * length + rolled.prefix - 1  # [R], the last token that it keeps
        total.index_add_(0, token, d.score(rolled.samples).logits.sigmoid()[:, 0])
    goes_on = torch.zeros_like(y.valid)
    goes_on[:, :-1] = y.valid[:, 1:]
    return torch.where(goes_on, total.view(rows, length) / n, reward)


def leave_one_out(q: Tensor) -> Tensor:
    """The mean q of all other sequences at that position, [B,T]; one that has ended counts with its reward."""
    excess = q - q[:1]  # over the first row's, so that equal values leave exactly nothing
    return q[:1] + (excess.sum(0) - excess) / (len(q) - 1)


if __name__ == "__main__":
    for number, (phase, losses) in enumerate(train(Settings()), start=1):
        if number % 25 == 0:
            print(number, phase, {name: round(value.item(), 4) for name, value in losses.items()})
