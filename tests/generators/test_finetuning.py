"""Fine-tunes a pretrained folder with its own tokenizer, and loads the result in other programs and here."""

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
    """Saves a random GPT-2 with a small byte-pair tokenizer, and ten more ids than the tokenizer has."""
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
    """Runs the recipe for a few rounds, then deletes the pretrained folder."""
    home = tmp_path_factory.mktemp("runs")
    (home / "lines.txt").write_text("\n".join(LINES * 5), encoding="utf-8")
    pretrained_folder = shutil.copytree(folder, home / "pretrained")
    few = (*FEW, "phases.finetune.rounds=12", "phases.finetune.evaluate=6", "optimizers.generator.lr=1e-2")
    text = (
        f"data.path={home / 'lines.txt'}",
        f"tokenizer.path={pretrained_folder}",
        f"generator.path={pretrained_folder}",
    )
    result = runner.start(recipe.load("finetune", [*few, *text]), home / "run")
    shutil.rmtree(pretrained_folder)
    assert result.columns["finetune"]["nll_test"] < result.columns["start"]["nll_test"] - 0.5
    return RunDir(home / "run")


def test_a_finished_model_needs_its_own_folder_only(run: RunDir) -> None:
    model = textgan.load(run.path, device="cpu")
    assert model.sample(3, seed=0) == textgan.load(run.model, device="cpu").sample(3, seed=0)
    assert model.generator.model.config.vocab_size == model.tokenizer.vocab.size + 10
    assert all(p < 0 for p in model.log_prob(LINES[:3]))


@torch.no_grad()
def test_other_programs_load_the_trained_model(run: RunDir) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    loaded = textgan.load(run.path, device="cpu")
    reference = AutoModelForCausalLM.from_pretrained(run.model / "hf").eval()
    tokenizer = AutoTokenizer.from_pretrained(run.model / "hf")
    ids = torch.tensor([tokenizer("the cat sees us.")["input_ids"]])
    assert ids.tolist() == loaded.tokenizer.encode(["the cat sees us."])
    start = torch.full_like(ids[:, :1], reference.generation_config.bos_token_id)
    log_prob = reference(torch.cat([start, ids], 1)).logits[:, :, : loaded.tokenizer.vocab.size].log_softmax(2)
    ends = torch.cat([ids, torch.full_like(ids[:, :1], reference.generation_config.eos_token_id)], 1)
    total = log_prob.gather(2, ends.unsqueeze(2)).sum().item()
    assert total == pytest.approx(loaded.log_prob(["the cat sees us."])[0], abs=1e-3)


@torch.no_grad()
def test_each_prompt_is_kept_in_its_own_row(run: RunDir) -> None:
    model = textgan.load(run.path, device="cpu")
    batch = model.tokenizer.batch(["the cat", "a dog likes", ""], model.max_len)
    given = batch.valid & (batch.tokens != model.tokenizer.vocab.eos)
    samples = model.generator.sample(Batch(batch.tokens, batch.valid, given))
    texts = model.tokenizer.decode(samples.x, samples.valid)
    assert texts[0].startswith("the cat")
    assert texts[1].startswith("a dog likes")
    assert torch.equal(samples.chosen, samples.valid & ~given)


@torch.no_grad()
def test_ids_beyond_the_tokenizer_are_never_sampled(folder: Path) -> None:
    tokenizer = pretrained(str(folder))
    generator = CausalLm(tokenizer.vocab, tokenizer=tokenizer, path=str(folder)).eval()
    samples = generator.sample(Batch.blank(500, 8))
    assert samples.x.max() < tokenizer.vocab.size < generator.model.config.vocab_size
    total = generator.head(generator.read(samples.x, ())[0]).softmax(2).sum(2)
    torch.testing.assert_close(total, torch.ones_like(total))
    generator.log_prob(Samples(samples.x, samples.valid, samples.chosen))


def test_another_tokenizer_is_refused_before_training(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "lines.txt").write_text("\n".join(LINES * 5), encoding="utf-8")
    text = (f"data.path={tmp_path / 'lines.txt'}", f"generator.path={folder}")
    for other in ("tokenizer.name=word", "tokenizer.name=bpe"):
        with pytest.raises(UserError, match=r"are not the tokenizer's .*; use the model's tokenizer, tokenizer="):
            runner.start(recipe.load("finetune", [*FEW, *text, other]), tmp_path / other)


def test_generate_uses_the_same_special_and_forbidden_ids(tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    sizes = ("generator.hidden_dim=16", "phases.likelihood.rounds=2", "data.sentences=300", "data.test=30")
    runner.start(recipe.load("transformer", [*FEW, *sizes]), tmp_path / "run")
    home = tmp_path / "run" / "model" / "hf"
    model, tokenizer = AutoModelForCausalLM.from_pretrained(home), AutoTokenizer.from_pretrained(home)
    vocab = textgan.load(tmp_path / "run").tokenizer.vocab
    torch.manual_seed(0)
    generated = model.generate(num_return_sequences=200, max_new_tokens=6)
    assert (generated[:, 0] == vocab.bos).all()
    forbidden = torch.isin(generated[:, 1:], torch.tensor([i for i in vocab.forbidden_ids if i != vocab.pad]))
    assert not forbidden.any()
    assert len({tuple(row) for row in generated.tolist()}) > 100
    assert tokenizer.decode(generated[0, 1:], skip_special_tokens=True).strip()
    reloaded = pretrained(str(home))
    assert reloaded.vocab == vocab
    CausalLm(vocab, tokenizer=reloaded, path=str(home))


def test_its_options_are_read_without_importing_transformers() -> None:
    code = (
        "import sys; from textgan.core import registry, spec;"
        "known = spec.read(registry.find('generator', 'causal_lm'));"
        "assert {'path', 'architecture', 'config'} <= set(known.options) and 'exported' in known.shared;"
        "assert not {'torch', 'transformers'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
