from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from support.paths import SHARED
from textgan.data import network
from textgan.data.tokenizers.base import Tokenizer
from textgan.data.tokenizers.builtin import bpe, char, numbers, pretrained, word
from textgan.core.errors import UserError

COCO = SHARED / "coco"
TEXTS = ["The dog isn't here.", "the dog's well-known bone", "a cat", "a cat", "zwölf Bäume 木 🙂"]


def split(tokenizer: Tokenizer, text: str) -> list[str]:
    return [tokenizer.hf.convert_ids_to_tokens(token) for token in tokenizer.encode([text])[0]]


def round_trip(tokenizer: Tokenizer, texts: list[str], max_len: int = 60) -> list[str]:
    batch = tokenizer.batch(texts, max_len)
    return tokenizer.decode(batch.tokens, batch.valid)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("It isn't, can't, WON'T.", "It is n't , ca n't , WO N'T ."),
        ("the dog's bone they'll I'm", "the dog 's bone they 'll I 'm"),
        ("a well-known t-shirt and/or rock", "a well-known t-shirt and/or rock"),
        ("wait... what?! (yes) 3.5% $1,000 at 11:44", "wait ... what ? ! ( yes ) 3.5 % $ 1,000 at 11:44"),
        ("Mr. Smith at 5 o'clock in the u.s. today", "Mr. Smith at 5 o'clock in the u.s. today"),
        ("one.Two end.", "one . Two end ."),
        ("naïve café 20th ‘so’ don’t", "naïve café 20th ‘ so ’ do n’t"),
        ("an <unk> word", "an <unk> word"),
    ],
)
def test_words_are_split_as_people_expect(text: str, words: str) -> None:
    assert split(word([text], lowercase=False), text) == words.split()


def test_words_agree_with_nltk_on_real_captions() -> None:
    if not COCO.is_dir():
        pytest.skip("the captions are not here")
    nltk = pytest.importorskip("nltk.tokenize")
    lines = (COCO / "train.txt").read_text().splitlines()[:5000]
    tokenizer = word(lines)
    ours, reference = round_trip(tokenizer, lines), nltk.NLTKWordTokenizer()
    same = sum(reference.tokenize(line.lower()) == mine.split(" ") for line, mine in zip(lines, ours, strict=True))
    assert same / len(lines) > 0.995
    theirs = {token for line in lines for token in reference.tokenize(line.lower())}
    assert abs(tokenizer.vocab.size - 4 - len(theirs)) < 20
    assert tokenizer.encode(ours) == tokenizer.encode(lines)


def test_word_ids_fall_with_the_count_and_ties_are_alphabetical() -> None:
    ids = word(["b b b a", "d c a"]).hf.get_vocab()
    assert sorted(ids, key=ids.__getitem__) == ["<pad>", "<bos>", "<eos>", "<unk>", "b", "a", "c", "d"]


def test_ids_are_the_same_in_every_process() -> None:
    program = (
        "from textgan.data.tokenizers.builtin import bpe, char, word; import json;"
        f"ids = [make({TEXTS * 3!r}).hf.get_vocab() for make in (bpe, char, word)];"
        "print(json.dumps(ids, sort_keys=True))"
    )
    runs = {
        subprocess.run(
            [sys.executable, "-c", program],
            check=True,
            capture_output=True,
            text=True,
            env={"PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2")
    }
    assert len(runs) == 1


def test_rare_words_become_unknown_and_only_then_may_unknown_be_said() -> None:
    everything, frequent, few = word(TEXTS), word(TEXTS, min_count=2), word(TEXTS, vocab_size=6)
    unk = everything.unk
    assert unk is not None
    assert unk in everything.vocab.forbidden_ids
    assert unk not in frequent.vocab.forbidden_ids
    assert unk not in few.vocab.forbidden_ids
    assert few.vocab.size == 6
    assert round_trip(frequent, ["the cat barks"]) == ["the cat <unk>"]
    assert unk not in word(["an <unk> word"]).vocab.forbidden_ids
    with pytest.raises(UserError, match="vocab_size is 4"):
        word(TEXTS, vocab_size=4)


def test_special_names_in_a_text_are_ordinary_text() -> None:
    for tokenizer in (word(["a <eos> <pad> b"]), char(["a <eos> <pad> b"]), bpe(["a <eos> <pad> b"], 300)):
        ids = tokenizer.encode(["a <eos> <pad> b"])[0]
        assert not {tokenizer.vocab.eos, tokenizer.vocab.pad} & set(ids)


@pytest.mark.parametrize("make", [char, bpe])
def test_text_comes_back_exactly(make: type) -> None:
    tokenizer = make(TEXTS)
    assert round_trip(tokenizer, TEXTS) == TEXTS


def test_bytes_spell_what_was_never_seen() -> None:
    assert round_trip(bpe(TEXTS), ["Ünseen 語"]) == ["Ünseen 語"]
    assert round_trip(char(TEXTS), ["q!"]) == ["<unk><unk>"]
    with pytest.raises(UserError, match="259 at least"):
        bpe(TEXTS, vocab_size=258)


def test_a_batch_ends_pads_and_cuts() -> None:
    tokenizer = word(["a b c d"])
    a, b, c, _ = tokenizer.encode(["a b c d"])[0]
    batch = tokenizer.batch(["a", "a b c", "a b c d", ""], 3)
    eos, pad = tokenizer.vocab.eos, tokenizer.vocab.pad
    assert batch.tokens.tolist() == [[a, eos, pad], [a, b, c], [a, b, c], [eos, pad, pad]]
    assert batch.valid.tolist() == [[True, True, False], [True] * 3, [True] * 3, [True, False, False]]
    assert not batch.given.any()
    assert tokenizer.decode(batch.tokens, batch.valid) == ["a", "a b c", "a b c", ""]
    assert tokenizer.batch([], 3).tokens.shape == (0, 3)
    assert tokenizer.decode(torch.zeros(0, 3, dtype=torch.long), torch.zeros(0, 3, dtype=torch.bool)) == []


def test_numbers_are_their_own_ids() -> None:
    oracle = numbers(5000, bos=0)
    assert (oracle.vocab.size, oracle.vocab.bos, oracle.vocab.eos, oracle.vocab.forbidden_ids) == (5000, 0, None, ())
    assert oracle.encode(["0 4999 17 0"]) == [[0, 4999, 17, 0]]
    assert round_trip(oracle, ["0 4999 17 0"], 4) == ["0 4999 17 0"]
    with pytest.raises(UserError, match="no id for"):
        oracle.encode(["5000"])
    ended = numbers(3, bos=4, eos=3)
    assert (ended.vocab.size, ended.vocab.pad, ended.vocab.forbidden_ids) == (6, 5, (4, 5))
    assert ended.batch(["2 0"], 4).tokens.tolist() == [[2, 0, 3, 5]]
    assert round_trip(ended, ["2 0"]) == ["2 0"]


@pytest.mark.parametrize(
    "tokenizer",
    [word(TEXTS), char(TEXTS), bpe(TEXTS, 300), numbers(9, 0), numbers(9, 10, 9)],
    ids=["word", "char", "bpe", "oracle", "tokens"],
)
def test_a_saved_tokenizer_is_the_same_tokenizer(tokenizer: Tokenizer, tmp_path: Path) -> None:
    tokenizer.save(tmp_path)
    texts = ["1 2"] if tokenizer.vocab.size < 20 else [*TEXTS, "an unseen word"]
    for again in (Tokenizer.load(tmp_path), pretrained(str(tmp_path))):
        assert again.vocab == tokenizer.vocab
        assert again.unk == tokenizer.unk
        assert again.encode(texts) == tokenizer.encode(texts)
        assert round_trip(again, texts) == round_trip(tokenizer, texts)


def test_a_damaged_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no tokenizer"):
        Tokenizer.load(tmp_path)
    word(TEXTS).save(tmp_path)
    (tmp_path / "vocabulary.json").write_text(json.dumps({"size": 3}))
    with pytest.raises(UserError, match="no tokenizer"):
        Tokenizer.load(tmp_path)


def test_an_adopted_tokenizer_gets_what_it_lacks(tmp_path: Path) -> None:
    from transformers import PreTrainedTokenizerFast

    def adopt(name: str, **special: str) -> Tokenizer:
        backend = word(TEXTS).hf.backend_tokenizer
        folder = tmp_path / name
        PreTrainedTokenizerFast(tokenizer_object=backend, **special).save_pretrained(str(folder))
        return pretrained(str(folder))

    gpt = adopt("gpt", bos_token="<eos>", eos_token="<eos>", unk_token="<unk>")
    assert (gpt.vocab.bos, gpt.vocab.eos, gpt.vocab.pad, gpt.vocab.forbidden_ids) == (2, 2, 2, ())
    assert gpt.batch(["a cat"], 5).valid.tolist() == [[True, True, True, False, False]]
    assert round_trip(gpt, ["a cat"]) == ["a cat"]
    bert = adopt("bert", cls_token="<bos>", sep_token="<eos>", pad_token="<pad>", mask_token="<mask>")
    assert (bert.vocab.bos, bert.vocab.eos, bert.vocab.pad) == (1, 2, 0)
    assert set(bert.vocab.forbidden_ids) == {0, 1, bert.vocab.size - 1}
    bare = adopt("bare", pad_token="<pad>")
    assert (bare.vocab.bos, bare.vocab.eos) == (0, 2)
    assert round_trip(bare, ["a cat"]) == ["a cat"]


def test_a_tokenizer_that_is_not_here_is_an_error_at_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such folder"):
        pretrained(str(tmp_path / "none"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="no usable tokenizer"):
        pretrained(str(tmp_path / "empty"))
    monkeypatch.setattr(network, "_answers", lambda host, port: False)
    with pytest.raises(UserError, match="not on this machine"):
        pretrained("nobody/nothing")
