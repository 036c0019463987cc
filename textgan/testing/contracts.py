"""Checks what every component of a role must do. Each function raises AssertionError if a component does not."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import nn

from textgan.core.roles import AdversarialLoss, Discriminator, Estimator, Generator, Reward
from textgan.core.types import Batch, Samples, Vocabulary
from textgan.data.corpus import Corpus
from textgan.data.interfaces import Source
from textgan.generation.decoding.ancestral import Ancestral
from textgan.generation.sampling import TokenCounter
from textgan.generation.token_samplers import from_logits
from textgan.metrics.base import Evaluation, Metric
from textgan.runs.evaluator import generate
from textgan.testing.exact_gradient import enumerate_sequences
from textgan.testing.fixtures import tiny_corpus, tiny_vocabulary
from textgan.testing.gradient_problems import fits, measure, problems


def check_generator(make: Callable[[Vocabulary], Generator]) -> None:
    """Checks a generator, with and without an end-of-sequence token.

    Checks shapes and masks; that sampled tokens are counted; that `log_prob` agrees with sampling; that given tokens
    are kept; that gradients reach the parameters; and the capabilities that it declares.

    Args:
        make: vocabulary -> a generator over it.

    Raises:
        AssertionError: if the generator breaks the contract.
    """
    for end in (False, True):
        vocab = tiny_vocabulary(5, end)
        torch.manual_seed(0)
        generator = make(vocab).eval()
        samples = _check_samples(generator)
        if "log_prob" in generator.capabilities:
            log_prob = generator.log_prob(samples)
            assert log_prob.shape == samples.valid.shape, "log_prob must be [B,T]"
            assert generator.bound or bool((log_prob <= 0).all()), "log_prob must not exceed 0"
            assert bool((log_prob[~samples.valid] == 0).all()), "log_prob must be 0 where not valid"
        batch = Batch(samples.x, samples.valid, torch.zeros_like(samples.valid))
        loss = generator.likelihood(batch)
        assert math.isfinite(loss.value.item()), "likelihood must be finite"
        assert loss.value.requires_grad, "the likelihood has no gradient"
        loss.value.backward()
        reached = [p.grad is not None and bool(p.grad.abs().sum() > 0) for p in generator.parameters()]
        assert any(reached), "the likelihood has no gradient for any parameter"
        if "noise" not in generator.capabilities:
            _check_given(generator, batch)
        if "rollouts" in generator.capabilities:
            _check_rollouts(generator, samples)
        if "relaxed" in generator.capabilities and vocab.eos is None:
            _check_relaxed(generator)
        if "log_prob" in generator.capabilities:
            _check_distribution(generator, vocab)


def _check_samples(generator: Generator) -> Samples:
    """Checks shapes, masks and the count of sampled tokens. Returns the samples as ids."""
    with TokenCounter() as counter:
        samples = generator.sample(Batch.blank(6, 4))
    assert samples.valid.shape == (6, 4), "valid must be [B,T]"
    assert bool(samples.valid[:, 0].all()), "the first position must be valid"
    assert bool((samples.valid[:, 1:] <= samples.valid[:, :-1]).all()), "no position after an invalid one may be valid"
    counted, chosen = int(counter.total), int(samples.chosen.sum())
    assert counted == chosen, (
        f"sample counted {counted} tokens instead of {chosen}: a generator with a sampler of its own must call "
        "textgan.generation.sampling.count_tokens(chosen) once"
    )
    samples = generator.decode(samples)
    assert samples.x.shape == (6, 4), "decode must return ids, [B,T]"
    return samples


def _check_given(generator: Generator, batch: Batch) -> None:
    """Checks that given tokens are kept, and are not marked as chosen by the generator."""
    given = torch.zeros_like(batch.given)
    given[:, :2] = batch.valid[:, :2]
    kept = generator.decode(generator.sample(Batch(batch.tokens, batch.valid, given)))
    assert bool((kept.x[given] == batch.tokens[given]).all()), "given tokens must be kept"
    assert not bool((kept.chosen & given).any()), "given tokens must not be chosen"


def _check_relaxed(generator: Generator) -> None:
    """Checks that samples on the simplex carry gradients from the last token back to the parameters."""
    soft = generator.sample(Batch.blank(6, 4), from_logits(lambda logits: logits.softmax(-1)))
    assert soft.x.dim() == 3, "relaxed samples must be [B,T,V]"
    torch.testing.assert_close(soft.x.sum(2), torch.ones(soft.valid.shape), msg="each token must be on the simplex")
    assert soft.x.requires_grad, "relaxed samples must carry gradients"
    generator.zero_grad()
    (soft.x * torch.randn_like(soft.x))[:, -1].sum().backward()
    reached = [p.grad is not None and bool(p.grad.any()) for p in generator.parameters() if p.requires_grad]
    assert any(reached), "gradients of relaxed samples must reach the parameters"


def _check_distribution(generator: Generator, vocab: Vocabulary) -> None:
    """Checks that sequences are sampled with the probabilities of log_prob, for parameters far from uniform.

    Where log_prob is a lower bound, its probabilities must not exceed the sampled frequencies.
    """
    count, length = 8000, 3
    with torch.no_grad():
        for parameter in generator.parameters():
            if parameter.requires_grad:
                parameter.add_(0.7 * torch.randn_like(parameter))
        every = enumerate_sequences(vocab, length)
        probability = generator.log_prob(every).sum(1).exp()  # [N]
        sampled = generator.decode(generator.sample(Batch.blank(count, length))).x  # [count,T]
    base = vocab.size ** torch.arange(length)
    keys, order = (every.x * base).sum(1).sort()
    index = torch.searchsorted(keys, (sampled * base).sum(1)).clamp_max(len(keys) - 1)
    frequency = torch.bincount(order[index], minlength=len(keys)) / count
    if generator.bound:
        excess = (probability - frequency).clamp_min(0).sum().item()
        assert excess < 0.1, f"log_prob is not a lower bound: it exceeds the sampled frequencies by {excess:.2f}"
        return
    distance, total = (frequency - probability).abs().sum().item() / 2, probability.sum().item()
    assert abs(total - 1) < 1e-3, f"log_prob is not a distribution: its probabilities add up to {total:.3f}"
    assert distance < 0.08, f"sample and log_prob have different distributions: total variation {distance:.2f}"


def _check_rollouts(generator: Generator, samples: Samples) -> None:
    """Checks that roll-outs keep their prefixes, and that there are some for every unfinished prefix."""
    seen = torch.zeros_like(samples.valid)
    for part in generator.rollouts(samples, 3):
        positions = torch.arange(samples.x.shape[1])
        kept = positions < part.prefix.unsqueeze(1)
        assert bool((part.samples.x[kept] == samples.x[part.source][kept]).all()), "a roll-out must keep its prefix"
        seen[part.source, part.prefix] = True
    unfinished = samples.valid.clone()
    unfinished[:, 0] = False
    assert bool((seen[unfinished]).all()), "every unfinished prefix must be completed"


def check_discriminator(make: Callable[[Vocabulary], Discriminator], code_dim: int = 0) -> None:
    """Checks a discriminator.

    Checks shapes; that `score` equals `forward`; that padding has no effect; that it learns to distinguish two tokens;
    and the capabilities that it declares.

    Args:
        make: vocabulary -> a discriminator over it.
        code_dim: Z, for a discriminator of latent codes [B,Z]. A sentence's code is then the mean of fixed codes of its
            tokens.

    Raises:
        AssertionError: if the discriminator breaks the contract.
    """
    vocab = Vocabulary(6, bos=1, eos=2, pad=0, forbidden_ids=(0, 1))
    torch.manual_seed(0)
    d = make(vocab).eval()
    x = torch.randint(3, 6, (8, 5))
    valid = torch.arange(5) < torch.tensor([[5], [5], [3], [1], [2], [4], [5], [3]])
    text = Samples(x.masked_fill(~valid, vocab.pad), valid, valid)
    samples = _as_input(text, vocab, code_dim)
    scores = d(samples)
    width = {"sequence": 1, "token": 5}[d.granularity]
    assert scores.logits.shape == (8, width), (
        f'logits must be [B,{width}] for a discriminator of granularity "{d.granularity}"'
    )
    assert scores.weight.shape == scores.logits.shape, "weight must have the logits' shape"
    torch.testing.assert_close(d.score(samples).logits, scores.logits, msg="score must equal forward")
    longer = _as_input(Samples(*(nn.functional.pad(part, (0, 3)) for part in (text.x, valid, valid))), vocab, code_dim)
    torch.testing.assert_close(d(longer).logits[:, :width], scores.logits, msg="padding must have no effect")
    if "features" in d.capabilities:
        assert d.features(samples).shape[0] == 8, "features must be [B,F]"
    if "double_backward" in d.capabilities:
        _check_double_backward(d, samples, vocab)
    _check_learning(d, vocab, code_dim)


def _as_input(text: Samples, vocab: Vocabulary, code_dim: int) -> Samples:
    """Returns ids as they are, or, with a code_dim, as codes [B,Z] that do not depend on padding."""
    if not code_dim:
        return text
    each = torch.linspace(-1, 1, vocab.size * code_dim).sin().view(vocab.size, code_dim)[text.x]  # [B,T,Z]
    return text.with_x((each * text.valid.unsqueeze(2)).sum(1) / text.valid.sum(1, keepdim=True))


def _check_learning(d: Discriminator, vocab: Vocabulary, code_dim: int) -> None:
    """Checks that the discriminator learns to distinguish two tokens."""
    everywhere = torch.ones(32, 5, dtype=torch.bool)
    repeated = (Samples(torch.full((32, 5), token), everywhere, everywhere) for token in (3, 4))
    real, fake = (_as_input(text, vocab, code_dim) for text in repeated)
    optimizer = torch.optim.Adam(d.train().parameters(), 1e-2)
    for _ in range(100):
        on_real, on_fake = d(real).logits, d(fake).logits
        loss = nn.functional.softplus(-on_real).mean() + nn.functional.softplus(on_fake).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    d.eval()
    assert d(real).logits.mean() > d(fake).logits.mean() + 1, "it must learn that real is high and fake is low"


def _check_double_backward(d: Discriminator, samples: Samples, vocab: Vocabulary) -> None:
    """Checks that the input gradient of the scores has a gradient itself, for codes or points of the simplex."""
    continuous = {"simplex", "latent"} & d.input_spaces
    assert continuous, "double_backward needs a continuous input: declare simplex or latent in input_spaces"
    is_text = not samples.x.is_floating_point()
    x = (nn.functional.one_hot(samples.x, vocab.size).float() if is_text else samples.x.clone()).requires_grad_()
    torch.testing.assert_close(
        d(samples.with_x(x)).logits, d(samples).logits, msg="one-hot vectors must have the scores of their ids"
    )
    d.train()
    (gradient,) = torch.autograd.grad(d(samples.with_x(x)).logits.sum(), x, create_graph=True)
    d.zero_grad()
    if gradient.requires_grad:
        gradient.square().sum().backward()
    d.eval()
    reached = [p.grad is not None and bool(p.grad.any()) for p in d.parameters()]
    assert any(reached), "double_backward: the gradient of the scores' input gradient reaches no parameter"


def check_loss(loss: AdversarialLoss, make: Callable[[Vocabulary], Discriminator]) -> None:
    """Checks that a loss trains a discriminator, and that its reward is higher for what looks real.

    Args:
        loss: the loss to check.
        make: vocabulary -> a discriminator that fits it.

    Raises:
        AssertionError: if the loss breaks the contract.
    """
    vocab = tiny_vocabulary(6)
    torch.manual_seed(0)
    d = make(vocab)
    real, fake = (Samples(torch.full((16, 5), token), *[torch.ones(16, 5, dtype=torch.bool)] * 2) for token in (3, 4))
    optimizer = torch.optim.Adam(d.parameters(), 1e-2)
    first = last = math.nan
    for i in range(60):
        value, stats = loss.discriminator(d, real, fake)
        assert value.shape == (), "the discriminator's loss must be a scalar"
        assert all(not s.requires_grad for s in stats.values()), "stats must be detached"
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        first, last = (value.item() if i == 0 else first), value.item()
    assert last < first, "the loss must fall when the discriminator learns"
    d.eval()
    mixed = Samples(torch.cat([real.x, fake.x]), torch.cat([real.valid, fake.valid]), torch.cat([real.valid] * 2))
    reward = loss.reward(d, mixed, Samples(torch.cat([real.x] * 2), mixed.valid, mixed.chosen))
    assert reward.shape[0] == 32, "rewards must be [B,K]"
    assert reward[:16].mean() > reward[16:].mean(), "a higher reward must mean more real text"


def check_reward(reward: Reward, corpus: Corpus | None = None) -> None:
    """Checks that rewards are [B,1] or [B,T], finite, and equal for equal samples.

    Args:
        reward: the reward to check.
        corpus: samples are taken from it; default `tiny_corpus()`.

    Raises:
        AssertionError: if the reward breaks the contract.
    """
    corpus = corpus or tiny_corpus()
    batch = corpus.train.batch[:8]
    samples = Samples(batch.tokens, batch.valid, batch.valid)
    value = reward(samples, samples)
    width = {"sequence": 1, "token": batch.tokens.shape[1]}[reward.granularity]
    assert value.shape == (8, width), (
        f'a reward of granularity "{reward.granularity}" must be [B,{width}], not {tuple(value.shape)}'
    )
    assert bool(value.isfinite().all()), "rewards must be finite"
    torch.testing.assert_close(reward(samples, samples), value, msg="rewards must not be random")


def check_estimator(
    make: Callable[[Generator], Estimator], rows: int = 2000, repeats: int = 40, seed: int = 0, vocab_size: int = 3
) -> None:
    """Checks an estimator's expected gradient against the exact one, on every small problem that it fits.

    If it declares `unbiased`, its gradient must equal the exact one in direction and scale, up to sampling noise.
    Otherwise it must have a cosine above 0.5 with it.

    Args:
        make: generator -> the estimator for it.
        rows: sequences in a batch.
        repeats: batches over which the gradient is averaged.
        seed: of the random numbers.
        vocab_size: number of tokens in the problems.

    Raises:
        AssertionError: if the estimator breaks the contract, or fits none of the problems.
    """
    tried = 0
    for problem in problems(vocab_size):
        estimator = make(problem.generator)
        if not fits(estimator, problem):
            continue
        tried += 1
        found = measure(lambda p: make(p.generator), problem, rows, repeats, seed)
        name = f"{type(estimator).__name__}, {problem.name}"
        result = f"{name}: cosine {found.cosine:.4f}, scale {found.scale:.3f} of the exact gradient"
        assert found.cosine > 0.5, f"{result}; it points away from the exact gradient"
        if estimator.unbiased:
            assert not found.biased, f"{result}; it declares unbiased, but is biased (p = {found.p_value:.1g})"
            assert abs(found.scale - 1) < 0.1, f"{result}; it declares unbiased, but its scale is wrong"
    assert tried, f"{type(make(next(problems(vocab_size)).generator)).__name__} fits none of the problems"


def check_metric(metric: Metric, corpus: Corpus | None = None) -> None:
    """Checks that a metric returns finite floats, equal for equal samples, and directions for existing names only.

    Args:
        metric: the metric to check.
        corpus: the data of the evaluation; default `tiny_corpus()`.

    Raises:
        AssertionError: if the metric breaks the contract.
    """
    corpus = corpus or tiny_corpus()
    from textgan.generators.lstm import Lstm

    torch.manual_seed(0)
    generator = Lstm(corpus.vocab, embed_dim=8, hidden_dim=8).eval()
    samples = generate(generator, corpus.max_len, 20, Ancestral())
    evaluation = Evaluation(generator, samples, corpus.tokenizer.decode(samples.x, samples.valid), corpus)
    with torch.no_grad():
        values, again = metric(evaluation), metric(evaluation)
    assert values, "a metric must return at least one number"
    assert all(isinstance(v, float) and math.isfinite(v) for v in values.values()), f"not all finite floats: {values}"
    assert dict(values) == dict(again), "a metric must return the same numbers for the same samples"
    assert set(metric.better()) <= set(values), "better() has a name that the metric does not return"


def check_source(source: Source, seed: int = 0) -> None:
    """Checks that a source has training text, disjoint splits, and equal text for equal seeds.

    Args:
        source: the source to check.
        seed: passed to its `read`.

    Raises:
        AssertionError: if the source breaks the contract.
    """
    raw, again = source.read(seed), source.read(seed)
    assert list(raw.train) == list(again.train), "the same seed must give the same text"
    assert raw.train, "there is no training text"
    assert not set(raw.test) & set(raw.train), "test and train overlap"
    assert not set(raw.validation) & set(raw.train), "validation and train overlap"
