"""From a pretrained folder with its own tokenizer to a fine-tuned one that other programs load, and back."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import textgan
from textgan import recipe
from textgan.core.errors import UserError
from textgan.core.types import Batch, Samples
from textgan.data.tokenizers.builtin import pretrained
from textgan.generators.causal_lm import CausalLm
from textgan.runs import runner
from textgan.runs.run_dir import RunDir

END = "<|endoftext|>"
LINES = [f"{who} {does} {what}." for who in ("the cat", "a dog") for does in ("sees", "likes") for what in ("me", "us")]
FEW = ("device=cpu", "evaluate.samples=8", "evaluate.metrics=[nll_test, lengths]", "batch_size=8", "log.every=1")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A GPT-2 at random with a small byte-pair tokenizer, and room for ten words that this does not have."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

    home = tmp_path_factory.mktemp("models") / "tiny"
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    special = {"special_tokens": [END], "initial_alphabet": alphabet, "show_progress": False}
    backend.train_from_iterator(LINES, trainers.BpeTrainer(vocab_size=290, **special))
    PreTrainedTokenizerFast(tokenizer_object=backend, bos_token=END, eos_token=END, unk_token=END).save_pretrained(home)
    torch.manual_seed(0)
    size = backend.get_vocab_size()
    shape = {"n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": 32}
    GPT2LMHeadModel(GPT2Config(vocab_size=size + 10, bos_token_id=0, eos_token_id=0, **shape)).save_pretrained(home)
    return home


@pytest.fixture(scope="module")
def run(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> RunDir:
    """The recipe, for a few steps; what it began with is gone afterwards."""
    home = tmp_path_factory.mktemp("runs")
    (home / "lines.txt").write_text("\n".join(LINES * 5), encoding="utf-8")
    gone = shutil.copytree(folder, home / "gone")
    few = (*FEW, "phases.finetune.rounds=12", "phases.finetune.evaluate=6", "optimizers.generator.lr=1e-2")
    text = (f"data.path={home / 'lines.txt'}", f"tokenizer.path={gone}", f"generator.path={gone}")
    result = runner.start(recipe.load("finetune", [*few, *text]), home / "run")
    shutil.rmtree(gone)
    assert result.columns["finetune"]["nll_test"] < result.columns["start"]["nll_test"] - 0.5
    return RunDir(home / "run")


def test_a_finished_model_needs_nothing_but_its_own_folder(run: RunDir) -> None:
    model = textgan.load(run.path, device="cpu")
    assert model.sample(3, seed=0) == textgan.load(run.model, device="cpu").sample(3, seed=0)
    assert model.generator.model.config.vocab_size == model.tokenizer.vocab.size + 10
    assert all(p < 0 for p in model.log_prob(LINES[:3]))


@torch.no_grad()
def test_other_programs_load_what_was_trained(run: RunDir) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    ours = textgan.load(run.path, device="cpu")
    theirs = AutoModelForCausalLM.from_pretrained(run.model / "hf").eval()
    words = AutoTokenizer.from_pretrained(run.model / "hf")
    ids = torch.tensor([words("the cat sees us.")["input_ids"]])
    assert ids.tolist() == ours.tokenizer.encode(["the cat sees us."])
    start = torch.full_like(ids[:, :1], theirs.generation_config.bos_token_id)
    law = theirs(torch.cat([start, ids], 1)).logits[:, :, : ours.tokenizer.vocab.size].log_softmax(2)
    ends = torch.cat([ids, torch.full_like(ids[:, :1], theirs.generation_config.eos_token_id)], 1)
    total = law.gather(2, ends.unsqueeze(2)).sum().item()
    assert total == pytest.approx(ours.log_prob(["the cat sees us."])[0], abs=1e-3)


@torch.no_grad()
def test_prompts_are_kept_and_told_apart(run: RunDir) -> None:
    model = textgan.load(run.path, device="cpu")
    batch = model.tokenizer.batch(["the cat", "a dog likes", ""], model.max_len)
    given = batch.valid & (batch.tokens != model.tokenizer.vocab.eos)
    made = model.generator.sample(Batch(batch.tokens, batch.valid, given))
    texts = model.tokenizer.decode(made.x, made.valid)
    assert texts[0].startswith("the cat")
    assert texts[1].startswith("a dog likes")
    assert torch.equal(made.chosen, made.valid & ~given)


@torch.no_grad()
def test_room_for_more_words_is_never_used(folder: Path) -> None:
    tokenizer = pretrained(str(folder))
    generator = CausalLm(tokenizer.vocab, tokenizer=tokenizer, path=str(folder)).eval()
    made = generator.sample(Batch.blank(500, 8))
    assert made.x.max() < tokenizer.vocab.size < generator.model.config.vocab_size
    law = generator.head(generator.read(made.x, ())[0]).softmax(2).sum(2)
    torch.testing.assert_close(law, torch.ones_like(law))
    generator.log_prob(Samples(made.x, made.valid, made.chosen))


def test_another_tokenizer_is_refused_before_anything_is_trained(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "lines.txt").write_text("\n".join(LINES * 5), encoding="utf-8")
    text = (f"data.path={tmp_path / 'lines.txt'}", f"generator.path={folder}")
    for other in ("tokenizer.name=word", "tokenizer.name=bpe"):
        with pytest.raises(UserError, match="that are not these; use its own, tokenizer"):
            runner.start(recipe.load("finetune", [*FEW, *text, other]), tmp_path / other)


def test_generate_starts_ends_and_bars_as_we_do(tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    sizes = ("generator.hidden_dim=16", "phases.likelihood.rounds=2", "data.sentences=300", "data.test=30")
    runner.start(recipe.load("transformer", [*FEW, *sizes]), tmp_path / "run")
    home = tmp_path / "run" / "model" / "hf"
    model, words = AutoModelForCausalLM.from_pretrained(home), AutoTokenizer.from_pretrained(home)
    vocab = textgan.load(tmp_path / "run").tokenizer.vocab
    torch.manual_seed(0)
    made = model.generate(num_return_sequences=200, max_new_tokens=6)
    assert (made[:, 0] == vocab.bos).all()
    logit_mask = torch.isin(made[:, 1:], torch.tensor([i for i in vocab.forbidden_ids if i != vocab.pad]))
    assert not logit_mask.any()
    assert len({tuple(row) for row in made.tolist()}) > 100
    assert words.decode(made[0, 1:], skip_special_tokens=True).strip()
    again = pretrained(str(home))
    assert again.vocab == vocab
    CausalLm(vocab, tokenizer=again, path=str(home))


def test_it_is_described_without_transformers() -> None:
    code = (
        "import sys; from textgan import registry, spec;"
        "known = spec.read(registry.find('generator', 'causal_lm'));"
        "assert {'path', 'architecture', 'config'} <= set(known.options) and 'exported' in known.shared;"
        "assert not {'torch', 'transformers'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
