"""MaskGAN's generator and discriminator."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

import pytest
import torch
from support.chances import p_value
from torch import Tensor

from textgan.core.types import Batch, Samples, Vocabulary
from textgan.testing import check_discriminator, check_generator, enumerate_sequences
from textgan_plugins.maskgan import blanks, discriminator, generator, metrics, seq2seq, spans
from textgan_plugins.maskgan.discriminator import TokenAttention
from textgan_plugins.maskgan.generator import Infill

VOCAB = Vocabulary(5, bos=1, eos=2, pad=0, forbidden_ids=(0, 1))
TINY: dict[str, object] = {"embed_dim": 4, "hidden_dim": 6}


def make(vocab: Vocabulary = VOCAB, spread: float = 1.0, **options: object) -> Infill:
    """One whose laws are far from uniform and differ with what is given."""
    torch.manual_seed(0)
    made = Infill(vocab, **{**TINY, **options}).eval()  # type: ignore[arg-type]
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.add_(spread * torch.randn_like(parameter))
    return made


@pytest.mark.parametrize(
    "options", [{}, {"layers": 2}, {"tied": False, "dropout": 0.5}, {"aligned": False}], ids=lambda o: str(o)
)
def test_does_what_every_generator_must(options: dict[str, object]) -> None:
    check_generator(lambda vocab: Infill(vocab, **{**TINY, **options}))  # type: ignore[arg-type]


def key(ids: Tensor) -> Tensor:
    return (ids * VOCAB.size ** torch.arange(ids.shape[1])).sum(1)


@torch.no_grad()
@pytest.mark.parametrize("aligned", [True, False])
@pytest.mark.parametrize("places", [[], [0], [1], [3], [1, 2], [0, 3]])
def test_blanks_are_filled_as_often_as_log_prob_says(places: list[int], aligned: bool) -> None:
    """By enumeration, given tokens in the middle: the filled law sums to 1 and is what is drawn."""
    made, count = make(aligned=aligned), 8000
    batch = Batch.blank(count, 4)
    batch.tokens[:, places] = 3
    batch.given[:, places] = True
    drawn = made.sample(batch)
    assert bool((drawn.x[:, places] == 3).all()), "what is given must be kept, also behind a blank"
    assert torch.equal(drawn.chosen, drawn.valid & ~batch.given)

    every = enumerate_sequences(VOCAB, 4)
    kept = (every.x[:, places] == 3).all(1) & every.valid[:, places].all(1)
    mine = torch.ones(4, dtype=torch.bool)
    mine[places] = False
    every = Samples(every.x[kept], every.valid[kept], every.valid[kept] & mine)
    probability = (made.log_prob(every) * every.chosen).sum(1).exp()
    assert probability.sum().item() == pytest.approx(1, abs=1e-4)
    numbers, order = key(every.x).sort()
    at = torch.searchsorted(numbers, key(drawn.x)).clamp_max(len(numbers) - 1)
    assert torch.equal(numbers[at], key(drawn.x)), "a text was written that log_prob knows nothing of"
    assert p_value(order[at], probability) > 1e-3


@torch.no_grad()
def test_a_given_end_is_where_the_text_ends() -> None:
    batch = Batch.blank(500, 5)
    batch.tokens[:, 3], batch.given[:, 3] = VOCAB.eos, True  # type: ignore[call-overload]
    drawn = make().sample(batch)
    assert bool((drawn.valid.sum(1) == 4).all())
    assert bool((drawn.x[:, :3] > 2).all())


@torch.no_grad()
@pytest.mark.parametrize("layers", [1, 2])
def test_nothing_is_known_of_what_is_not_given(layers: int) -> None:
    made = make(layers=layers)
    every = enumerate_sequences(VOCAB, 4)
    given = torch.zeros_like(every.valid)
    given[:, 0] = True
    one = made.start(Batch(every.x.where(given, torch.tensor(3)), every.valid, given))
    other = made.start(Batch(every.x, torch.ones_like(every.valid), given))
    for mine, theirs in zip(one, other, strict=True):
        assert torch.equal(mine, theirs), "the length, or a blanked word, has leaked"


@torch.no_grad()
def test_what_is_given_behind_a_blank_matters() -> None:
    made, batch = make(), Batch.blank(2, 3)
    batch.given[:, 2] = True
    batch.tokens[:, 2] = torch.tensor([3, 4])
    first = made.head(made.features(batch))[:, 0].softmax(1)
    assert not torch.allclose(first[0], first[1], atol=1e-2)


@torch.no_grad()
def test_steps_and_one_pass_are_the_same() -> None:
    made = make(layers=2)
    batch = Batch(torch.tensor([[3, 4, 3, 2]]), torch.ones(1, 4).bool(), torch.tensor([[0, 0, 1, 0]]).bool())
    state, found = made.start(batch), []
    for token in (VOCAB.bos, 3, 4, 3):
        features, state = made.read(torch.tensor([[token]]), state)
        found.append(features)
    torch.testing.assert_close(torch.cat(found, 1), made.features(batch))


def test_a_word_that_is_given_costs_nothing_and_teaches_nothing() -> None:
    made = make()
    batch = Batch(torch.tensor([[3, 4, 4, 2]]), torch.ones(1, 4).bool(), torch.tensor([[1, 0, 1, 1]]).bool())
    log_prob = made.log_prob(made.real(batch))
    assert made.likelihood(batch).value.item() == pytest.approx(-log_prob[0, 1].item())


@torch.no_grad()
def test_every_token_of_a_text_has_a_likelihood_the_given_end_too() -> None:
    made = make()
    batch = Batch(torch.tensor([[3, 4, 4, 2]]), torch.ones(1, 4).bool(), torch.tensor([[0, 1, 0, 1]]).bool())
    assert bool((made.log_prob(made.real(batch)) > -100).all())


def test_dropout_has_one_pattern_for_a_text() -> None:
    dropout = seq2seq.LockedDropout(0.5).train()
    x = dropout(torch.ones(50, 7, 20))
    assert torch.equal(x, x[:, :1].expand_as(x))
    assert x.mean().item() == pytest.approx(1, abs=0.1)
    assert set(x.unique().tolist()) == {0.0, 2.0}
    assert torch.equal(dropout.eval()(x), x)


@torch.no_grad()
def test_the_reader_reads_from_both_sides_and_no_padding() -> None:
    torch.manual_seed(0)
    reader, x = seq2seq.Reader(3, 4, 2), torch.randn(2, 5, 3)
    valid = torch.tensor([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]]).bool()
    memory, whole = reader(x, valid)
    alone, of_it = reader(x[:1, :3], valid[:1, :3])
    torch.testing.assert_close(memory[:1, :3], alone)
    torch.testing.assert_close(whole[:1], of_it)
    backwards = reader.backwards(x[:1, [2, 1, 0]])[0][:, [2, 1, 0]]
    torch.testing.assert_close(alone, torch.cat([reader.forwards(x[:1, :3])[0], backwards], 2))
    torch.testing.assert_close(of_it, torch.cat([alone[:, -1, :2], alone[:, 0, 2:]], 1))


def test_an_odd_size_is_refused() -> None:
    with pytest.raises(ValueError, match="even"):
        Infill(VOCAB, hidden_dim=5)


# The discriminator.


def judge(**options: object) -> TokenAttention:
    torch.manual_seed(0)
    return TokenAttention(VOCAB, **{**TINY, **options}).eval()  # type: ignore[arg-type]


def texts() -> Samples:
    """Four, with given words first, last and in the middle."""
    x = torch.tensor([[3, 4, 3, 2], [4, 4, 2, 0], [3, 3, 4, 4], [2, 0, 0, 0]])
    valid = torch.tensor([[1, 1, 1, 1], [1, 1, 1, 0], [1, 1, 1, 1], [1, 0, 0, 0]]).bool()
    given = torch.tensor([[1, 0, 0, 1], [0, 1, 0, 0], [0, 0, 0, 1], [0, 0, 0, 0]]).bool()
    return Samples(x, valid, valid & ~given)


@pytest.mark.parametrize("options", [{}, {"layers": 2, "dropout": 0.3}, {"aligned": False}], ids=lambda o: str(o))
def test_does_what_every_discriminator_must(options: dict[str, object]) -> None:
    check_discriminator(lambda vocab: TokenAttention(vocab, **{**TINY, **options}))  # type: ignore[arg-type]


@torch.no_grad()
def test_only_words_that_were_filled_in_are_judged() -> None:
    samples = texts()
    scores = judge()(samples)
    assert torch.equal(scores.weight.bool(), samples.chosen)
    assert not scores.logits[~samples.valid].any()


@torch.no_grad()
def test_it_knows_which_words_were_given() -> None:
    """The same text is another task with other blanks."""
    samples, d = texts(), judge()
    other = Samples(samples.x, samples.valid, samples.valid)
    assert not torch.allclose(d(samples).logits[0], d(other).logits[0], atol=1e-4)


@torch.no_grad()
@pytest.mark.parametrize("aligned", [True, False])
def test_a_verdict_knows_given_words_ahead_but_no_choice_ahead(aligned: bool) -> None:
    d, samples = judge(aligned=aligned), texts()[:1]
    verdict = d(samples).logits
    later = samples.with_x(torch.tensor([[3, 4, 4, 2]]))  # a choice at place 2
    torch.testing.assert_close(d(later).logits[:, :2], verdict[:, :2])
    assert not torch.allclose(d(later).logits[:, 2], verdict[:, 2], atol=1e-4)
    given = samples.with_x(torch.tensor([[3, 4, 3, 4]]))  # what is given at place 3
    assert not torch.allclose(d(given).logits[:, 1], verdict[:, 1], atol=1e-5)


def test_words_and_certain_distributions_are_judged_alike() -> None:
    d, samples = judge(), texts()
    soft = samples.with_x(torch.nn.functional.one_hot(samples.x, VOCAB.size).float().requires_grad_())
    torch.testing.assert_close(d(soft).logits, d(samples).logits)
    d(soft).logits.sum().backward()
    assert soft.x.grad is not None
    assert soft.x.grad.any()


def test_it_learns_what_only_the_context_tells() -> None:
    """Real: the blank repeats the word behind it. Each word by itself is as common in real as in filled text."""
    torch.manual_seed(0)
    d = TokenAttention(VOCAB, embed_dim=8, hidden_dim=16)
    optimizer = torch.optim.Adam(d.parameters(), 1e-2)
    valid, chosen = torch.ones(64, 2).bool(), torch.tensor([[True, False]]).expand(64, 2)
    for _ in range(100):
        word = torch.randint(3, 5, (64,))
        real, fake = torch.stack([word, word], 1), torch.stack([7 - word, word], 1)
        scores = [d(Samples(x, valid, chosen)) for x in (real, fake)]
        loss = sum(
            (torch.nn.functional.softplus(sign * s.logits) * s.weight).mean()
            for s, sign in zip(scores, (-1, 1), strict=True)
        )
        optimizer.zero_grad()
        loss.backward()  # type: ignore[union-attr]
        optimizer.step()
    assert loss.item() < 0.1  # type: ignore[union-attr]


@pytest.mark.parametrize("module", [blanks, discriminator, generator, metrics, seq2seq, spans])
def test_it_uses_nothing_but_the_public_interface(module: object) -> None:
    public = {"autoregressive", "errors", "ngrams", "nn.embedding", "nn.head", "options", "roles", "seeds", "types"}
    tree = ast.parse(Path(inspect.getfile(module)).read_text(encoding="utf-8"))  # type: ignore[arg-type]
    used = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {m.removeprefix("textgan.") for m in used if m.startswith("textgan.")} <= public
