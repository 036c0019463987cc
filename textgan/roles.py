"""The roles that components play, and the shapes between them.

A component is a class (or a function) whose constructor's keyword arguments are its options. An argument that is named
like a shared object (see `SHARED` in `textgan.spec`) receives that object instead and is no option. Class attributes
that hold plain literals are *traits*: they are read before the component is imported, and the capability check is
written in terms of them. Keep them literal.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal, NamedTuple, Protocol

import torch
from torch import Tensor, nn

from textgan.types import Batch, Loss, Samples, Scores, Space

if TYPE_CHECKING:
    from textgan.data.corpus import Corpus
    from textgan.data.tokenizer import Tokenizer


class Head(Protocol):
    """The last step of a generator that writes from left to right: from features of a position to its words.

    Two are ready-made (`textgan.nn.head`): `LinearHead` for a linear layer, with which draws and likelihoods are fused,
    and `LogitsHead` for any function.
    """

    size: int
    """V."""

    def __call__(self, features: Tensor, /) -> Tensor:
        """Logits of the next token, [...,H] -> [...,V]."""

    def draw(self, features: Tensor, /) -> Tensor:
        """A word for each row from its own law, [R,H] -> [R]."""

    def nll(self, features: Tensor, tokens: Tensor, /) -> Tensor:
        """-log p(token), nats, [R,H], [R] -> [R]."""

    def tempered(self, temperature: float, /) -> Head:
        """The same with logits divided by a temperature above 0."""


class Draw(Protocol):
    """Takes the next token from features [R,H]: ids [R], or points of the simplex [R,V] that gradients pass through.

    Of a function of logits, `textgan.draws.by_logits` makes one.
    """

    def __call__(self, head: Head, features: Tensor, /) -> Tensor: ...


class Rollouts(NamedTuple):
    """Completed prefixes. R rows; row r continues the first `prefix[r]` tokens of sample `source[r]`."""

    source: Tensor  # [R] long, which sample
    prefix: Tensor  # [R] long, 1..T-1, how many of its tokens were kept
    samples: Samples  # [R,T]


class Generator(nn.Module, ABC):
    """Makes sequences; is trained by likelihood, against a reward, or both."""

    makes: ClassVar[Mapping[str, Space]] = {"score": "ids"}
    """An estimator's `mode` -> the space that the samples it trains on are in."""
    offers: ClassVar[frozenset[str]] = frozenset()
    """What it can do beyond sampling and being pre-trained, for components that need it:

    - "log_prob": the likelihood of a sequence, exactly or, with `bound`, from below;
    - "rollouts": completions of prefixes;
    - "relaxed": samples on the simplex, from a draw that gives such points;
    - "noise": samples that are a differentiable function of noise, without any draw;
    - "steps": the sampler's own protocol (`textgan.sampling.Decoder`), for searches such as beams;
    - "inputs": a likelihood of real tokens behind other inputs (`likelihood_behind`);
    - "infilling": blanks are filled in the light of what is given behind them, too;
    - "codes": sentences as points of a space of `code_dim` numbers, and back (`encode`, `write`);
    - "posterior": beside the point, how sure it is of it (`posterior`), under a prior of N(0, 1).
    """
    bound: ClassVar[bool] = False
    """Whether `log_prob` sums to a lower bound of a sequence's log-likelihood instead of to it."""
    code_dim: int = 0
    """Z, the size of its latent samples and of its codes, where it has any."""
    anneals: ClassVar[frozenset[str]] = frozenset()
    """Attributes, named like its options, that may change while it runs: numbers that the callback `anneal` sets."""

    @abstractmethod
    def sample(self, batch: Batch, draw: Draw | None = None) -> Samples:
        """One sequence for each row of `batch`, keeping what is given. `draw` defaults to ancestral sampling."""

    def log_prob(self, samples: Samples) -> Tensor:
        """log pi(token | tokens before), [B,T], 0 where not valid."""
        raise NotImplementedError(f"{type(self).__name__} offers no log_prob")

    @abstractmethod
    def likelihood(self, batch: Batch) -> Loss:
        """The pre-training loss; for a token model, nats per token."""

    def real(self, batch: Batch) -> Samples:
        """Real text in the space that this generator makes."""
        return Samples(batch.tokens, batch.valid, batch.valid & ~batch.given)

    def decode(self, samples: Samples) -> Samples:
        """What was made, as ids."""
        return samples

    def policy_loss(self, samples: Samples, advantage: Tensor) -> Tensor:
        """The score-function surrogate: a scalar whose gradient is that of minus the expected advantage.

        Summed over tokens and averaged over sequences, so that every estimator has one scale.
        """
        return -(self.log_prob(samples) * advantage * samples.chosen).sum(1).mean()

    def rollouts(self, samples: Samples, count: int) -> Iterator[Rollouts]:
        """`count` continuations of every unfinished proper prefix of every sample, in pieces that fit in memory."""
        raise NotImplementedError(f"{type(self).__name__} offers no rollouts")

    def likelihood_behind(self, batch: Batch, inputs: Tensor) -> Loss:
        """The pre-training loss of `batch` where other tokens than its own, inputs [B,T], are read before each."""
        raise NotImplementedError(f"{type(self).__name__} reads no inputs but the text itself")

    def encode(self, batch: Batch) -> Tensor:
        """The code of each real sequence, [B,Z]; the mean, where it is a distribution."""
        raise NotImplementedError(f"{type(self).__name__} has no codes")

    def write(self, codes: Tensor, batch: Batch, draw: Draw | None = None) -> Samples:
        """A sequence of ids for each code, [B,Z], as `sample` makes them: of the batch's length, what is given kept."""
        raise NotImplementedError(f"{type(self).__name__} has no codes")

    def posterior(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Mean and log-variance of the normal distribution of each real sequence's code, [B,Z] both."""
        raise NotImplementedError(f"{type(self).__name__} has no posterior")

    def inheritance(self) -> Mapping[str, Tensor]:
        """What a discriminator may begin with (the callback `inherit`), by the names its own parts would have.

        Its tensors, by default. `embedding.weight` are the vectors of the words, [V,E].
        """
        return self.state_dict()

    def export(self, folder: Path) -> None:
        """Writes the model once more, in whatever form other programs load. Nothing, by default.

        A constructor's argument `exported` receives that folder where a finished model is loaded, and is not given
        where one is trained.
        """


class Discriminator(nn.Module, ABC):
    """Tells real sequences from generated ones. A ranker is a discriminator with features under a ranking loss."""

    reads: ClassVar[frozenset[Space]] = frozenset({"ids"})
    """Who reads the simplex reads ids, too, as its corners: the same verdicts in fewer numbers."""
    judges: ClassVar[Literal["sequence", "token"]] = "sequence"
    """K = 1 verdict a sequence, or K = T verdicts."""
    offers: ClassVar[frozenset[str]] = frozenset()
    """What a loss may need:

    - "features": a representation of each sequence;
    - "double_backward": verdicts on what lies between two sequences, differentiable twice in it. So it reads the
      simplex where it reads ids, or latents, and not by way of kernels that have one derivative only (cuDNN's
      recurrent layers, fused attention).
    """
    anneals: ClassVar[frozenset[str]] = frozenset()
    """As a generator's."""

    @abstractmethod
    def forward(self, samples: Samples) -> Scores:
        """Verdicts with gradients."""

    def score(self, samples: Samples) -> Scores:
        """Verdicts on many sequences, without gradients: what roll-outs are scored with. Equal to `forward`."""
        with torch.no_grad():
            pieces = [self(samples[i : i + 4096]) for i in range(0, len(samples), 4096)]
            return Scores(torch.cat([p.logits for p in pieces]), torch.cat([p.weight for p in pieces]))

    def features(self, samples: Samples) -> Tensor:
        """A representation of each sequence, [B,F]."""
        raise NotImplementedError(f"{type(self).__name__} offers no features")

    def penalty(self) -> Tensor | float:
        """A regularisation term that belongs to the architecture, added to its loss at each step."""
        return 0.0


class AdversarialLoss(ABC):
    """The rules of the game: what a discriminator minimises, and what it pays a generator."""

    needs: ClassVar[frozenset[str]] = frozenset()
    """What it needs a discriminator to offer."""
    needs_generator: ClassVar[frozenset[str]] = frozenset()
    """What it needs a generator to offer, where it asks for the generator."""
    reads: ClassVar[frozenset[Space]] = frozenset({"ids", "simplex", "latent"})
    """The spaces of the samples that it can use: all of them, where it looks at nothing but verdicts."""

    @abstractmethod
    def discriminator(self, d: Discriminator, real: Samples, fake: Samples) -> Loss: ...

    @abstractmethod
    def reward(self, d: Discriminator, fake: Samples, real: Samples) -> Tensor:
        """[B,K], higher = better for the generator. Differentiable in `fake.x` if that carries gradients."""


class Reward(ABC):
    """What a generator is paid for a sequence: a discriminator's verdict, or any function of samples."""

    reads: ClassVar[frozenset[Space]] = frozenset({"ids"})
    differentiable: ClassVar[bool] = False
    """Whether gradients reach `fake.x`, as "path" estimators need."""
    judges: ClassVar[Literal["sequence", "token"]] = "sequence"

    @abstractmethod
    def __call__(self, fake: Samples, real: Samples) -> Tensor:
        """[B,1] for a sequence, [B,T] for its tokens. Higher = better."""


class RewardFn(Protocol):
    """A reward with the real samples already filled in: all that an estimator sees of the opponent."""

    def __call__(self, fake: Samples, /) -> Tensor: ...


class Estimator(nn.Module, ABC):
    """How a reward becomes a gradient. Its own parameters, where it has any, are a critic's."""

    mode: ClassVar[Literal["score", "path"]] = "score"
    needs: ClassVar[frozenset[str]] = frozenset()
    """What it needs a generator to offer."""
    credits: ClassVar[frozenset[str]] = frozenset({"sequence", "token"})
    """Which kinds of reward (`judges`) it can use."""
    learns: ClassVar[bool] = False
    """Whether it has parameters of its own, which a turn has to move."""
    unbiased: ClassVar[bool] = False
    """Whether its expected gradient, with its default options, is the true one. `textgan lab` holds it to that."""
    anneals: ClassVar[frozenset[str]] = frozenset()
    """As a generator's."""
    sweeps: ClassVar[Mapping[str, Sequence[float]]] = {}
    """Options whose values trade bias, variance and cost, and the values that `textgan lab` draws a curve over."""

    def fakes(self, generator: Generator, batch: Batch) -> Samples:
        """Samples for the discriminator to train on."""
        with torch.no_grad():
            return generator.sample(batch)

    def reals(self, generator: Generator, batch: Batch) -> Samples:
        """Real text, lifted into the space of the fakes."""
        return generator.real(batch)

    @abstractmethod
    def losses(self, generator: Generator, reward: RewardFn, batch: Batch) -> Iterator[Loss]:
        """One loss for each gradient step. Batch gives the shape and what is given, never the answer."""


class Objective(ABC):
    """What a turn minimises. Yields losses; the loop takes one step for each."""

    updates: ClassVar[tuple[str, ...]] = ("generator",)
    """The players that it moves, unless the turn says otherwise."""
    dropout: ClassVar[bool] = True
    """Whether the players that it moves are in training mode; all others never are."""
    needs: ClassVar[frozenset[str]] = frozenset()
    """What it needs a generator to offer."""
    anneals: ClassVar[frozenset[str]] = frozenset()
    """As a generator's."""

    @abstractmethod
    def losses(self, batches: Iterator[Batch]) -> Iterator[Loss]: ...


class Decoding(ABC):
    """How text is taken from a generator once it is trained: what is evaluated, and no part of training."""

    needs: ClassVar[frozenset[str]] = frozenset()
    """What it needs a generator to offer."""

    @abstractmethod
    def __call__(self, generator: Generator, batch: Batch) -> Samples:
        """One sequence of ids for each row of `batch`, keeping what is given. Called without gradients."""


class Blanks(ABC):
    """Which tokens of real text a generator is shown while it is trained; it fills in the others."""

    @abstractmethod
    def given(self, batch: Batch, chance: torch.Generator, index: int) -> Tensor:
        """[B,T] bool, True where the token is shown; padding is not.

        Args:
            chance: where all its random numbers come from, on the CPU: a run must be resumable at any batch.
            index: how many batches came before, for rates that change.
        """


class Oracle(ABC):
    """A distribution that is known exactly, so that generated text can be scored against the truth."""

    entropy: float
    """Nats per token of its own text: no honest generator scores below it."""

    @abstractmethod
    def log_prob(self, tokens: Tensor, valid: Tensor) -> Tensor:
        """log p of whole sequences, [B]. tokens, valid: [B,T] in the corpus's ids."""

    def grammatical(self, tokens: Tensor, valid: Tensor) -> Tensor:
        """[B] bool, True where the sequence belongs to the language; for sources that provide "grammar"."""
        raise NotImplementedError(f"{type(self).__name__} has no grammar")


@dataclass(frozen=True)
class Raw:
    """What a source reads: lines of text that are split into words later, not yet ids.

    Sources of ready ids write them as numbers between spaces and bring their own `tokenizer`.
    """

    train: Sequence[str]
    validation: Sequence[str]
    test: Sequence[str]
    tokenizer: Tokenizer | None = None
    notes: Mapping[str, int] = field(default_factory=dict)
    """What was found and left out, counted: {"empty lines left out": 3}."""


class Source(ABC):
    """Where text comes from. Deterministic in its options and the seed."""

    provides: ClassVar[frozenset[str]] = frozenset()
    """What metrics may need: {"oracle", "grammar"}."""
    gives: ClassVar[Literal["text", "ids"]] = "text"
    """Text waits for a tokenizer; ids bring their own."""

    @abstractmethod
    def read(self, seed: int) -> Raw: ...

    def oracle(self, tokenizer: Tokenizer) -> Oracle | None:
        """The known distribution behind the text, over the corpus's ids; for sources that provide "oracle"."""
        return None


@dataclass(frozen=True)
class Evaluation:
    """What a metric may look at. One set of samples serves all metrics.

    Args:
        generator: in evaluation mode.
        samples: N generated sequences, ids.
        texts: the same, decoded.
        corpus: train, validation, test (ids and decoded), tokenizer, oracle.
    """

    generator: Generator
    samples: Samples
    texts: Sequence[str]
    corpus: Corpus


class Metric(ABC):
    """Numbers about a generator. Called without gradients and with random numbers of its own."""

    needs: ClassVar[frozenset[str]] = frozenset()
    """What it needs a source to provide ("oracle", "grammar"), or a generator to offer ("log_prob")."""
    usual: ClassVar[bool] = True
    """Whether a recipe that lists no metrics gets it; no for what is slow or seldom wanted."""

    @abstractmethod
    def __call__(self, evaluation: Evaluation) -> Mapping[str, float]:
        """Name -> value. A name's direction and meaning stand in the class's docstring."""

    def better(self) -> Mapping[str, Literal["higher", "lower"]]:
        """Name -> which direction is better, for the names where one is."""
        return {}

    def signature(self) -> str:
        """How the numbers were had, in one line, where a convention must be told to be compared."""
        return ""


class Tracker(ABC):
    """Receives what a run measures."""

    @abstractmethod
    def log(self, step: int, phase: str, values: Mapping[str, float]) -> None: ...

    def close(self) -> None:
        """Called once, however the run ends."""
