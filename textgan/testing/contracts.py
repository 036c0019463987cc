"""What every component of a role must do. Each function raises AssertionError with a sentence if one does not."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import nn

from textgan.data.corpus import Corpus
from textgan.generation.decoding.ancestral import Ancestral
from textgan.generation.token_samplers import from_logits
from textgan.runs.evaluator import generate
from textgan.core.roles import AdversarialLoss, Discriminator, Estimator, Generator, Reward
from textgan.metrics.base import Evaluation, Metric
from textgan.data.interfaces import Source
from textgan.testing.exact_gradient import enumerate_sequences
from textgan.testing.gradient_problems import fits, measure, problems
from textgan.testing.fixtures import tiny_corpus, tiny_vocabulary
from textgan.core.types import Batch, Samples, Vocabulary


def check_generator(make: Callable[[Vocabulary], Generator]) -> None:
    """Shapes, masks, agreement of sampling with log_prob, what is given is kept, gradients arrive.

    Args:
        make: vocabulary -> a generator of it.
    """
    for end in (False, True):
        vocab = tiny_vocabulary(5, end)
        torch.manual_seed(0)
        generator = make(vocab).eval()
        samples = generator.sample(Batch.blank(6, 4))
        assert samples.valid.shape == (6, 4), "valid must be [B,T]"
        assert bool(samples.valid[:, 0].all()), "the first position is always valid"
        assert bool((samples.valid[:, 1:] <= samples.valid[:, :-1]).all()), "valid must end once and for all"
        samples = generator.decode(samples)
        ids = samples.x
        assert ids.shape == (6, 4), "decode must give ids, [B,T]"
        if "log_prob" in generator.capabilities:
            log_prob = generator.log_prob(samples)
            assert log_prob.shape == samples.valid.shape, "log_prob must be [B,T]"
            assert generator.bound or bool((log_prob <= 0).all()), "log_prob must not exceed 0"
            assert bool((log_prob[~samples.valid] == 0).all()), "log_prob must be 0 where not valid"
        batch = Batch(ids, samples.valid, torch.zeros_like(samples.valid))
        loss = generator.likelihood(batch)
        assert math.isfinite(loss.value.item()), "likelihood must be finite"
        loss.value.backward()
        assert any(p.grad is not None and bool(p.grad.abs().sum() > 0) for p in generator.parameters()), "no gradient"
        if "noise" not in generator.capabilities:
            given = torch.zeros_like(batch.given)
            given[:, :2] = samples.valid[:, :2]
            kept = generator.decode(generator.sample(Batch(ids, samples.valid, given)))
            assert bool((kept.x[given] == ids[given]).all()), "what is given must be kept"
            assert not bool((kept.chosen & given).any()), "what is given is not chosen"
        if "rollouts" in generator.capabilities:
            _check_rollouts(generator, samples)
        if "relaxed" in generator.capabilities and vocab.eos is None:
            _check_relaxed(generator)
        if "log_prob" in generator.capabilities:
            _check_law(generator, vocab)


def _check_relaxed(generator: Generator) -> None:
    """Samples on the simplex carry gradients from the last word back to the parameters."""
    soft = generator.sample(Batch.blank(6, 4), from_logits(lambda logits: logits.softmax(-1)))
    assert soft.x.dim() == 3, "relaxed samples must be [B,T,V]"
    torch.testing.assert_close(soft.x.sum(2), torch.ones(soft.valid.shape), msg="each word must lie on the simplex")
    generator.zero_grad()
    (soft.x * torch.randn_like(soft.x))[:, -1].sum().backward()
    reached = [p.grad is not None and bool(p.grad.any()) for p in generator.parameters() if p.requires_grad]
    assert any(reached), "gradients of relaxed samples must reach the parameters"


def _check_law(generator: Generator, vocab: Vocabulary) -> None:
    """Sequences are drawn as often as log_prob says, for parameters that are not nearly uniform.

    Where log_prob is a bound, its probabilities must nowhere exceed how often they are drawn.
    """
    count, length = 8000, 3
    with torch.no_grad():
        for parameter in generator.parameters():
            if parameter.requires_grad:
                parameter.add_(0.7 * torch.randn_like(parameter))
        every = enumerate_sequences(vocab, length)
        law = generator.log_prob(every).sum(1).exp()  # [N]
        drawn = generator.decode(generator.sample(Batch.blank(count, length))).x  # [count,T]
    base = vocab.size ** torch.arange(length)
    codes, order = (every.x * base).sum(1).sort()
    place = torch.searchsorted(codes, (drawn * base).sum(1)).clamp_max(len(codes) - 1)
    share = torch.bincount(order[place], minlength=len(codes)) / count
    if generator.bound:
        above = (law - share).clamp_min(0).sum().item()
        assert above < 0.1, f"log_prob is no lower bound: it exceeds the sampled law by {above:.2f}"
        return
    apart = (share - law).abs().sum().item() / 2
    assert abs(law.sum().item() - 1) < 1e-3, f"log_prob is of no distribution: it sums to {law.sum().item():.3f}"
    assert apart < 0.08, f"sampling and log_prob are of different distributions, {apart:.2f} apart in total variation"


def _check_rollouts(generator: Generator, samples: Samples) -> None:
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
    """Shapes; `score` equals `forward`; padding changes nothing; it can learn to tell two words apart.

    Args:
        make: vocabulary -> a discriminator over it.
        code_dim: Z, for one that reads latent codes [B,Z]; a sentence's is then the mean of fixed codes of its words.
    """
    vocab = Vocabulary(6, bos=1, eos=2, pad=0, forbidden_ids=(0, 1))
    torch.manual_seed(0)
    d = make(vocab).eval()
    x = torch.randint(3, 6, (8, 5))
    valid = torch.arange(5) < torch.tensor([[5], [5], [3], [1], [2], [4], [5], [3]])
    words = Samples(x.masked_fill(~valid, vocab.pad), valid, valid)
    samples = _seen(words, vocab, code_dim)
    scores = d(samples)
    wide = {"sequence": 1, "token": 5}[d.granularity]
    assert scores.logits.shape == (8, wide), (
        f"logits must be [B,{wide}] for a discriminator that judges each {d.granularity}"
    )
    assert scores.weight.shape == scores.logits.shape, "weight must have the logits' shape"
    torch.testing.assert_close(d.score(samples).logits, scores.logits, msg="score must equal forward")
    longer = _seen(Samples(*(nn.functional.pad(part, (0, 3)) for part in (words.x, valid, valid))), vocab, code_dim)
    torch.testing.assert_close(d(longer).logits[:, :wide], scores.logits, msg="padding must change nothing")
    if "features" in d.capabilities:
        assert d.features(samples).shape[0] == 8, "features must be [B,F]"
    if "double_backward" in d.capabilities:
        _check_double_backward(d, samples, vocab)
    everywhere = torch.ones(32, 5, dtype=torch.bool)
    same = (Samples(torch.full((32, 5), word), everywhere, everywhere) for word in (3, 4))
    real, fake = (_seen(sentences, vocab, code_dim) for sentences in same)
    optimizer = torch.optim.Adam(d.train().parameters(), 1e-2)
    for _ in range(100):
        on_real, on_fake = d(real).logits, d(fake).logits
        loss = nn.functional.softplus(-on_real).mean() + nn.functional.softplus(on_fake).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    d.eval()
    assert d(real).logits.mean() > d(fake).logits.mean() + 1, "it must learn that real is high and fake is low"


def _seen(words: Samples, vocab: Vocabulary, code_dim: int) -> Samples:
    """Sentences of ids as they are, or as codes [B,Z] where there are such: padding has no part in them."""
    if not code_dim:
        return words
    each = torch.linspace(-1, 1, vocab.size * code_dim).sin().view(vocab.size, code_dim)[words.x]  # [B,T,Z]
    return words.with_x((each * words.valid.unsqueeze(2)).sum(1) / words.valid.sum(1, keepdim=True))


def _check_double_backward(d: Discriminator, samples: Samples, vocab: Vocabulary) -> None:
    """The slope of the verdicts, in codes or in ids as points of the simplex, has a gradient of its own."""
    between = {"simplex", "latent"} & d.input_spaces
    assert between, "double_backward promises verdicts between words: declare that it reads simplex"
    ids = not samples.x.is_floating_point()
    x = (nn.functional.one_hot(samples.x, vocab.size).float() if ids else samples.x.clone()).requires_grad_()
    torch.testing.assert_close(d(samples.with_x(x)).logits, d(samples).logits, msg="one-hot and ids must read alike")
    d.train()
    (slope,) = torch.autograd.grad(d(samples.with_x(x)).logits.sum(), x, create_graph=True)
    d.zero_grad()
    if slope.requires_grad:
        slope.square().sum().backward()
    d.eval()
    reached = [p.grad is not None and bool(p.grad.any()) for p in d.parameters()]
    assert any(reached), "double_backward promises a gradient of the verdicts' slope, which reaches no parameter"


def check_loss(loss: AdversarialLoss, make: Callable[[Vocabulary], Discriminator]) -> None:
    """A scalar that trains a discriminator, and a reward that is higher where the discriminator says real."""
    vocab = tiny_vocabulary(6)
    torch.manual_seed(0)
    d = make(vocab)
    real, fake = (Samples(torch.full((16, 5), word), *[torch.ones(16, 5, dtype=torch.bool)] * 2) for word in (3, 4))
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
    assert reward[:16].mean() > reward[16:].mean(), "higher reward must mean more real"


def check_reward(reward: Reward, corpus: Corpus | None = None) -> None:
    """[B,1] or [B,T], finite, the same for the same samples."""
    corpus = corpus or tiny_corpus()
    batch = corpus.train.batch[:8]
    samples = Samples(batch.tokens, batch.valid, batch.valid)
    value = reward(samples, samples)
    wide = {"sequence": 1, "token": batch.tokens.shape[1]}[reward.granularity]
    assert value.shape == (8, wide), (
        f"a reward that judges each {reward.granularity} must be [B,{wide}], not {tuple(value.shape)}"
    )
    assert bool(value.isfinite().all()), "rewards must be finite"
    torch.testing.assert_close(reward(samples, samples), value, msg="rewards must not depend on chance")


def check_estimator(
    make: Callable[[Generator], Estimator], rows: int = 2000, repeats: int = 40, seed: int = 0, words: int = 3
) -> None:
    """Its expected gradient against the true one, on every small problem that it can be tried on.

    An estimator that declares `unbiased` must have the true gradient, in direction and scale, up to chance. Any other
    must at least point the same way.

    Args:
        make: generator -> the estimator for it.
        rows, repeats: sequences a batch, and batches, over which to average.
    """
    tried = 0
    for problem in problems(words):
        estimator = make(problem.generator)
        if not fits(estimator, problem):
            continue
        tried += 1
        found = measure(lambda p: make(p.generator), problem, rows, repeats, seed)
        name = f"{type(estimator).__name__}, {problem.name}"
        told = f"{name}: cosine {found.cosine:.4f}, scale {found.scale:.3f} of the true"
        assert found.cosine > 0.5, f"{told}; it points elsewhere"
        if estimator.unbiased:
            rare = f"chance goes so wrong in {found.chance:.1g} of cases"
            assert not found.biased, f"{told}; it declares unbiased, but {rare}"
            assert abs(found.scale - 1) < 0.1, f"{told}; it declares unbiased, but its scale is off"
    assert tried, f"{type(make(next(problems(words)).generator)).__name__} fits none of the problems"


def check_metric(metric: Metric, corpus: Corpus | None = None) -> None:
    """Finite numbers under fixed names, the same for the same samples, and directions only for names that exist."""
    corpus = corpus or tiny_corpus()
    from textgan.generators.lstm import Lstm

    torch.manual_seed(0)
    generator = Lstm(corpus.vocab, embed_dim=8, hidden_dim=8).eval()
    samples = generate(generator, corpus.max_len, 20, Ancestral())
    seen = Evaluation(generator, samples, corpus.tokenizer.decode(samples.x, samples.valid), corpus)
    with torch.no_grad():
        values, again = metric(seen), metric(seen)
    assert values, "a metric must return at least one number"
    assert all(isinstance(v, float) and math.isfinite(v) for v in values.values()), f"not all finite floats: {values}"
    assert dict(values) == dict(again), "a metric must not depend on chance beyond its random numbers"
    assert set(metric.better()) <= set(values), "better() names a number that the metric does not return"


def check_source(source: Source, seed: int = 0) -> None:
    """Three disjoint splits of text lines, the same for the same seed."""
    raw, again = source.read(seed), source.read(seed)
    assert list(raw.train) == list(again.train), "the same seed must give the same text"
    assert raw.train, "there is no training text"
    assert not set(raw.test) & set(raw.train), "test and train overlap"
    assert not set(raw.validation) & set(raw.train), "validation and train overlap"
