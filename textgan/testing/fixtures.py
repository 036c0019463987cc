"""Small generators, rewards and data whose properties are known exactly, to test components with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor, nn

from textgan.core.roles import Generator, TokenSampler
from textgan.core.types import Batch, Loss, Samples, Space, Vocabulary
from textgan.data.corpus import Corpus, build_corpus
from textgan.data.interfaces import Raw, Source
from textgan.generation import sampling
from textgan.generation.autoregressive import Autoregressive
from textgan.nn.lm_head import LinearHead


def tiny_vocabulary(size: int = 4, end: bool = False) -> Vocabulary:
    """Returns a vocabulary of `size` tokens. Padding has id 0 and is recognised by `valid` alone.

    Args:
        size: V.
        end: whether the last token is the end of a sequence; otherwise none is.
    """
    return Vocabulary(size, bos=0, eos=size - 1 if end else None, pad=0)


class TabularGenerator(Autoregressive):
    """A generator whose logits are a table over position and previous token, so that its distribution is known.

    Args:
        vocab: its vocabulary.
        length: number of positions.
        spread: standard deviation of the initial logits; 0 is uniform.
        seed: of the initial logits.
    """

    def __init__(self, vocab: Vocabulary, length: int, spread: float = 1.0, seed: int = 0) -> None:
        super().__init__()
        self.vocab = vocab
        noise = torch.Generator().manual_seed(seed)
        self.table = nn.Parameter(spread * torch.randn(length * vocab.size, vocab.size, generator=noise))

    def start(self, batch: Batch) -> Tensor:
        return torch.zeros(len(batch), 1, dtype=torch.long, device=batch.tokens.device)  # the position

    def read(self, inputs: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        steps = torch.arange(inputs.shape[1], device=inputs.device)
        previous = sampling.lift(inputs, self.table) if inputs.dim() == 2 else inputs  # [R,S,V]
        positions = (state + steps).clamp_max(len(self.table) // self.vocab.size - 1)  # [R,S]
        position = nn.functional.one_hot(positions, len(self.table) // self.vocab.size).to(previous)  # [R,S,L]
        return (position.unsqueeze(3) * previous.unsqueeze(2)).flatten(2), state + len(steps)

    @property
    def head(self) -> LinearHead:
        logit_mask = self.table.new_zeros(self.vocab.size)
        logit_mask[list(self.vocab.forbidden_ids)] = -1e4
        return LinearHead(self.table.t(), logit_mask)


class TabularReward:
    """A fixed pseudo-random reward for each sequence, [R,1], or for each token and its previous one, [R,T].

    Between the corners of the simplex, the sum over tokens is the polynomial that is linear in each token's point, so
    that path estimators have a gradient. The reward of a sequence is the tanh of that sum.

    Args:
        vocab: the generator's vocabulary.
        length: number of positions.
        per_token: whether each token has a reward.
        seed: of the rewards.
    """

    def __init__(self, vocab: Vocabulary, length: int, per_token: bool = False, seed: int = 1) -> None:
        noise = torch.Generator().manual_seed(seed)
        self.weight = torch.randn(length, vocab.size + 1, generator=noise)
        self.pair = torch.randn(length, vocab.size + 1, vocab.size + 1, generator=noise)
        self.size, self.per_token = vocab.size, per_token

    def __call__(self, fake: Samples) -> Tensor:
        x = fake.x if fake.x.is_floating_point() else nn.functional.one_hot(fake.x, self.size).float()  # [R,T,V]
        start = nn.functional.one_hot(torch.full_like(fake.valid[:, :1], self.size, dtype=torch.long), self.size + 1)
        previous = torch.cat([start.to(x), nn.functional.pad(x[:, :-1], (0, 1))], 1)  # [R,T,V+1]
        length = x.shape[1]
        single = torch.einsum("rtv,tv->rt", x, self.weight[:length, : self.size])
        paired = torch.einsum("rtu,rtv,tuv->rt", previous, x, self.pair[:length, :, : self.size])
        each = (single + paired) * fake.valid
        return each if self.per_token else torch.tanh(each.sum(1, keepdim=True))


class GaussianCodes(Generator):
    """A generator of latent codes mu + sigma * noise; the expectation of a quadratic reward has a closed form.

    Args:
        code_dim: Z, the size of a code.
    """

    sample_space: ClassVar[Mapping[str, Space]] = {"path": "latent"}
    capabilities: ClassVar[frozenset[str]] = frozenset({"noise"})

    def __init__(self, code_dim: int) -> None:
        super().__init__()
        self.code_dim = code_dim
        self.mu = nn.Parameter(torch.linspace(-0.5, 0.5, code_dim))
        self.sigma = nn.Parameter(torch.full((code_dim,), 0.7))

    def sample(self, batch: Batch, token_sampler: TokenSampler | None = None) -> Samples:
        noise = torch.randn(len(batch), self.code_dim, device=self.mu.device)
        sampling.count_tokens(batch.valid)
        return Samples(self.mu + self.sigma * noise, batch.valid, batch.valid)

    def likelihood(self, batch: Batch) -> Loss:
        raise NotImplementedError("GaussianCodes cannot be trained on text")

    def exact(self, target: Tensor) -> Tensor:
        """Computes the gradient of E[-|x - target|²] over mu and sigma, [2Z]."""
        return torch.cat([-2 * (self.mu - target), -2 * self.sigma]).detach()


class SquaredDistance:
    """The negative squared distance of codes [R,Z] from a target, [R,1], as a reward.

    Args:
        code_dim: Z.
    """

    def __init__(self, code_dim: int) -> None:
        self.target = torch.linspace(1, -1, code_dim)

    def __call__(self, fake: Samples) -> Tensor:
        return -(fake.x - self.target).square().sum(1, keepdim=True)


class Lines(Source):
    """A source of given lines.

    Args:
        train: lines of the training split.
        validation: lines of the validation split.
        test: lines of the test split.
    """

    def __init__(self, train: list[str], validation: list[str], test: list[str]) -> None:
        self.raw = Raw(train, validation, test)

    def read(self, seed: int) -> Raw:
        return self.raw


def tiny_corpus(seed: int = 0) -> Corpus:
    """Returns 96 short sentences of about a dozen different words, split and encoded.

    Args:
        seed: of the split.
    """
    subjects, verbs = ("the cat", "the dog", "a bird", "the old man"), ("sees", "likes", "chases", "hears")
    objects = ("the cat", "a dog", "the bird", "the old man", "a fish", "the moon")
    lines = [f"{s} {v} {o} ." for s in subjects for v in verbs for o in objects]
    order = torch.randperm(len(lines), generator=torch.Generator().manual_seed(seed)).tolist()
    mixed = [lines[i] for i in order]
    return build_corpus(Lines(mixed[20:], mixed[:10], mixed[10:20]), None, None, seed)
