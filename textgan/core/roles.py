"""Defines the roles that components play.

A component is a class (or a function) whose constructor's keyword arguments are its options. An argument named like a
shared object (see `SHARED` in `textgan.core.spec`) receives that object instead and is not an option. Class attributes
that hold plain literals are *traits*: they are read before the component is imported, and the compatibility check is
written in terms of them. Keep them literal.

Sources, oracles and blanks are defined in `textgan.data.interfaces`, metrics in `textgan.metrics.base`, callbacks in
`textgan.training.callbacks.base`. Plugins import all of them from `textgan.roles`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Literal, NamedTuple, Protocol

import torch
from torch import Tensor, nn

from textgan.core.types import Batch, Loss, Samples, Scores, Space


class Head(Protocol):
    """Maps the features of a position to its token: the last step of an autoregressive generator.

    Two are ready-made (`textgan.nn.lm_head`): `LinearHead` for a linear layer, which fuses sampling and likelihoods,
    and `LogitsHead` for any function.
    """

    size: int
    """V."""

    def __call__(self, features: Tensor, /) -> Tensor:
        """Returns the logits of the next token, [...,H] -> [...,V]."""

    def sample(self, features: Tensor, /) -> Tensor:
        """Samples one token per row from softmax(logits), [R,H] -> [R]."""

    def nll(self, features: Tensor, tokens: Tensor, /) -> Tensor:
        """Computes -log p(token) in nats, [R,H], [R] -> [R]."""

    def tempered(self, temperature: float, /) -> Head:
        """Returns the same head with logits divided by a temperature above 0."""


class TokenSampler(Protocol):
    """Samples the next token from features [R,H]: ids [R], or points of the simplex [R,V] that carry gradients.

    `textgan.generation.token_samplers.from_logits` makes one from a function of logits.
    """

    def __call__(self, head: Head, features: Tensor, /) -> Tensor: ...


class Rollouts(NamedTuple):
    """Completed prefixes. Row r of R continues the first `prefix[r]` tokens of sample `source[r]`."""

    source: Tensor  # [R] long, which sample
    prefix: Tensor  # [R] long, 1..T-1, how many of its tokens were kept
    samples: Samples  # [R,T]


class Generator(nn.Module, ABC):
    """Generates sequences, and is trained by likelihood, against a reward, or both."""

    sample_space: ClassVar[Mapping[str, Space]] = {"score": "ids"}
    """An estimator's `mode` -> the space of the samples that it trains on."""
    capabilities: ClassVar[frozenset[str]] = frozenset()
    """What it can do beyond sampling and being pre-trained, for components that require it:

    - "log_prob": the log-likelihood of a sequence, exactly or, with `bound`, from below;
    - "rollouts": completions of prefixes;
    - "relaxed": samples on the simplex, from a token sampler that returns such points;
    - "noise": samples that are a differentiable function of noise, without sampling tokens;
    - "incremental": the sampler's own protocol (`textgan.generation.sampling.Decoder`), for searches such as beams;
    - "inputs": a likelihood of real tokens conditioned on other inputs (`likelihood_with_inputs`);
    - "infilling": blanks are filled conditioned on the given tokens that follow them, too;
    - "codes": sequences as points of a space of `code_dim` numbers, and back (`encode`, `decode_codes`);
    - "posterior": the distribution of a sequence's code (`posterior`), under a prior of N(0, 1).
    """
    bound: ClassVar[bool] = False
    """Whether `log_prob` sums to a lower bound of a sequence's log-likelihood instead of to it."""
    code_dim: int = 0
    """Z, the size of its latent samples and of its codes, if it has any."""
    annealable: ClassVar[frozenset[str]] = frozenset()
    """Attributes, named like its options, that may change during a run: numbers that the callback `anneal` sets."""

    @abstractmethod
    def sample(self, batch: Batch, token_sampler: TokenSampler | None = None) -> Samples:
        """Generates one sequence for each row of `batch` and keeps what is given. Ancestral sampling by default."""

    def log_prob(self, samples: Samples) -> Tensor:
        """Computes log pi(token | tokens before), [B,T], 0 where not valid."""
        raise NotImplementedError(f"{type(self).__name__} has no log_prob")

    @abstractmethod
    def likelihood(self, batch: Batch) -> Loss:
        """Computes the pre-training loss; for a token model, nats per token."""

    def real(self, batch: Batch) -> Samples:
        """Returns real text in the space of this generator's samples."""
        return Samples(batch.tokens, batch.valid, batch.valid & ~batch.given)

    def decode(self, samples: Samples) -> Samples:
        """Converts samples to ids."""
        return samples

    def policy_loss(self, samples: Samples, advantage: Tensor) -> Tensor:
        """Computes the score-function surrogate: its gradient is that of minus the expected advantage.

        Summed over tokens and averaged over sequences, so that every estimator has one scale.
        """
        return -(self.log_prob(samples) * advantage * samples.chosen).sum(1).mean()

    def rollouts(self, samples: Samples, count: int) -> Iterator[Rollouts]:
        """Yields `count` continuations of every unfinished proper prefix of every sample, in parts that fit memory."""
        raise NotImplementedError(f"{type(self).__name__} has no rollouts")

    def likelihood_with_inputs(self, batch: Batch, inputs: Tensor) -> Loss:
        """Computes the pre-training loss of `batch` while the generator reads inputs [B,T] instead of its tokens."""
        raise NotImplementedError(f"{type(self).__name__} reads no inputs other than the text itself")

    def encode(self, batch: Batch) -> Tensor:
        """Returns the code of each real sequence, [B,Z]; the mean, if the code is a distribution."""
        raise NotImplementedError(f"{type(self).__name__} has no codes")

    def decode_codes(self, codes: Tensor, batch: Batch, token_sampler: TokenSampler | None = None) -> Samples:
        """Generates ids conditioned on codes [B,Z], as `sample` does: of the batch's length, keeping what is given."""
        raise NotImplementedError(f"{type(self).__name__} has no codes")

    def posterior(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Returns mean and log-variance of the normal distribution of each real sequence's code, [B,Z] both."""
        raise NotImplementedError(f"{type(self).__name__} has no posterior")

    def shared_weights(self) -> Mapping[str, Tensor]:
        """Returns the tensors that a discriminator may start from (callback `warm_start`), by name.

        By default the generator's own tensors. `embedding.weight` holds the token embeddings, [V,E].
        """
        return self.state_dict()

    def export(self, folder: Path) -> None:
        """Writes the model in a form that other programs load. Does nothing by default.

        When a finished model is loaded, a constructor's argument `exported` receives that folder; when one is
        trained, it is not given.
        """


class Discriminator(nn.Module, ABC):
    """Scores sequences, high = real. A ranker is a discriminator with features and a ranking loss."""

    input_spaces: ClassVar[frozenset[Space]] = frozenset({"ids"})
    """One that reads the simplex must read ids, too, as its corners: the same scores in fewer numbers."""
    granularity: ClassVar[Literal["sequence", "token"]] = "sequence"
    """K = 1 score a sequence, or K = T scores."""
    capabilities: ClassVar[frozenset[str]] = frozenset()
    """What a loss may require:

    - "features": a representation of each sequence;
    - "double_backward": scores of points between two sequences, twice differentiable in them. Such a discriminator
      reads the simplex where it reads ids, or latents, and avoids kernels with one derivative only (cuDNN's recurrent
      layers, fused attention).
    """
    annealable: ClassVar[frozenset[str]] = frozenset()
    """As in `Generator.annealable`."""

    @abstractmethod
    def forward(self, samples: Samples) -> Scores:
        """Computes scores with gradients."""

    def score(self, samples: Samples) -> Scores:
        """Computes the scores of many sequences, such as roll-outs, without gradients. Equal to `forward`."""
        with torch.no_grad():
            pieces = [self(samples[i : i + 4096]) for i in range(0, len(samples), 4096)]
            return Scores(torch.cat([p.logits for p in pieces]), torch.cat([p.weight for p in pieces]))

    def features(self, samples: Samples) -> Tensor:
        """Computes a representation of each sequence, [B,F]."""
        raise NotImplementedError(f"{type(self).__name__} has no features")

    def penalty(self) -> Tensor | float:
        """Computes a regularisation term of the architecture, added to its loss at each step."""
        return 0.0


class AdversarialLoss(ABC):
    """Defines what a discriminator minimises, and the reward that its scores become."""

    requires: ClassVar[frozenset[str]] = frozenset()
    """Capabilities that the discriminator must have."""
    requires_generator: ClassVar[frozenset[str]] = frozenset()
    """Capabilities that the generator must have, if the loss asks for the generator."""
    input_spaces: ClassVar[frozenset[Space]] = frozenset({"ids", "simplex", "latent"})
    """The spaces of samples that it can use: all of them, if it uses only scores."""

    @abstractmethod
    def discriminator(self, d: Discriminator, real: Samples, fake: Samples) -> Loss:
        """Computes the discriminator's loss."""

    @abstractmethod
    def reward(self, d: Discriminator, fake: Samples, real: Samples) -> Tensor:
        """Computes the reward [B,K], higher = better. Differentiable in `fake.x` if that carries gradients."""


class Reward(ABC):
    """Computes a generator's reward for sequences: from a discriminator's scores, or by any function of samples."""

    input_spaces: ClassVar[frozenset[Space]] = frozenset({"ids"})
    differentiable: ClassVar[bool] = False
    """Whether gradients reach `fake.x`, as "path" estimators need."""
    granularity: ClassVar[Literal["sequence", "token"]] = "sequence"

    @abstractmethod
    def __call__(self, fake: Samples, real: Samples) -> Tensor:
        """Computes [B,1], one reward a sequence, or [B,T], one a token. Higher = better."""


class RewardFn(Protocol):
    """A reward with the real samples bound, which is the only view that an estimator has of the discriminator."""

    def __call__(self, fake: Samples, /) -> Tensor: ...


class Estimator(nn.Module, ABC):
    """Estimates the gradient of the expected reward. Its own parameters, if it has any, are a critic's."""

    mode: ClassVar[Literal["score", "path"]] = "score"
    """Score-function gradients (REINFORCE and its relatives), or path gradients through the samples."""
    requires: ClassVar[frozenset[str]] = frozenset()
    """Capabilities that the generator must have."""
    reward_granularity: ClassVar[frozenset[str]] = frozenset({"sequence", "token"})
    """The granularities of rewards that it can use."""
    has_parameters: ClassVar[bool] = False
    """Whether it has parameters of its own, which a turn has to update."""
    unbiased: ClassVar[bool] = False
    """Whether its expected gradient, with default options, is the true one. `textgan lab` tests the promise."""
    annealable: ClassVar[frozenset[str]] = frozenset()
    """As in `Generator.annealable`."""
    sweep_values: ClassVar[Mapping[str, Sequence[float]]] = {}
    """Options that trade bias, variance and cost, and the values over which `textgan lab` draws a curve."""

    def fakes(self, generator: Generator, batch: Batch) -> Samples:
        """Generates samples for the discriminator to train on."""
        with torch.no_grad():
            return generator.sample(batch)

    def reals(self, generator: Generator, batch: Batch) -> Samples:
        """Returns real text in the space of the fakes."""
        return generator.real(batch)

    @abstractmethod
    def losses(self, generator: Generator, reward: RewardFn, batch: Batch) -> Iterator[Loss]:
        """Yields one loss per gradient step.

        Args:
            generator: the generator to train.
            reward: the reward of samples, [B,1] or [B,T].
            batch: the number of sequences, their length and their given tokens. Its other tokens are not used.
        """


class Objective(ABC):
    """Defines what a turn minimises. Yields losses; the loop takes one optimizer step for each."""

    updates: ClassVar[tuple[str, ...]] = ("generator",)
    """The players that it updates, unless the turn says otherwise."""
    dropout: ClassVar[bool] = True
    """Whether the players that it updates are in training mode; all others are in evaluation mode."""
    requires: ClassVar[frozenset[str]] = frozenset()
    """Capabilities that the generator must have."""
    annealable: ClassVar[frozenset[str]] = frozenset()
    """As in `Generator.annealable`."""

    @abstractmethod
    def losses(self, batches: Iterator[Batch]) -> Iterator[Loss]:
        """Yields the losses of one turn."""


class Decoding(ABC):
    """Generates text for evaluations. Training does not use it."""

    requires: ClassVar[frozenset[str]] = frozenset()
    """Capabilities that the generator must have."""

    @abstractmethod
    def __call__(self, generator: Generator, batch: Batch) -> Samples:
        """Generates one sequence of ids for each row of `batch`, keeping what is given. Called without gradients."""


class Tracker(ABC):
    """Records what a run measures."""

    @abstractmethod
    def log(self, global_round: int, phase: str, values: Mapping[str, float]) -> None:
        """Logs numbers after `global_round` rounds of all phases together."""

    def close(self) -> None:
        """Closes the tracker. Called once, however the run ends."""
