"""The tokenizers that a recipe can name."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from support.paths import SHARED

from textgan.core.errors import UserError
from textgan.data import network
from textgan.data.tokenizers.base import Tokenizer
from textgan.data.tokenizers.builtin import bpe, char, numbers, pretrained, word

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
def test_words_are_split_as_in_nltk(text: str, words: str) -> None:
    assert split(word([text], lowercase=False), text) == words.split()


def test_words_are_those_of_nltk_on_real_captions() -> None:
    if not COCO.is_dir():
        pytest.skip("the captions are not on this machine")
    nltk = pytest.importorskip("nltk.tokenize")
    lines = (COCO / "train.txt").read_text().splitlines()[:5000]
    tokenizer = word(lines)
    decoded, reference = round_trip(tokenizer, lines), nltk.NLTKWordTokenizer()
    same = sum(reference.tokenize(line.lower()) == text.split(" ") for line, text in zip(lines, decoded, strict=True))
    assert same / len(lines) > 0.995
    expected = {token for line in lines for token in reference.tokenize(line.lower())}
    assert abs(tokenizer.vocab.size - 4 - len(expected)) < 20
    assert tokenizer.encode(decoded) == tokenizer.encode(lines)


def test_word_ids_are_ordered_by_count_and_then_alphabetically() -> None:
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


def test_rare_words_become_unknown_and_only_then_may_unknown_be_generated() -> None:
    everything, frequent, few = word(TEXTS), word(TEXTS, min_count=2), word(TEXTS, vocab_size=6)
    unk = everything.unk
    assert unk is not None
    assert unk in everything.vocab.forbidden_ids
    assert unk not in frequent.vocab.forbidden_ids
    assert unk not in few.vocab.forbidden_ids
    assert few.vocab.size == 6
    assert round_trip(frequent, ["the cat barks"]) == ["the cat <unk>"]
    assert unk not in word(["an <unk> word"]).vocab.forbidden_ids
    with pytest.raises(
        UserError, match=r"^tokenizer\.vocab_size=4: too small; expected more than the four special ids"
    ):
        word(TEXTS, vocab_size=4)


@pytest.mark.parametrize("make", [char, bpe])
def test_text_is_decoded_exactly(make: type) -> None:
    tokenizer = make(TEXTS)
    assert round_trip(tokenizer, TEXTS) == TEXTS


def test_unseen_text_is_encoded_as_bytes() -> None:
    assert round_trip(bpe(TEXTS), ["Ünseen 語"]) == ["Ünseen 語"]
    assert round_trip(char(TEXTS), ["q!"]) == ["<unk><unk>"]
    with pytest.raises(UserError, match=r"^tokenizer\.vocab_size=258: too small; expected at least 259"):
        bpe(TEXTS, vocab_size=258)


def test_numbers_are_their_own_ids() -> None:
    oracle = numbers(5000, bos=0)
    assert (oracle.vocab.size, oracle.vocab.bos, oracle.vocab.eos, oracle.vocab.forbidden_ids) == (5000, 0, None, ())
    assert oracle.encode(["0 4999 17 0"]) == [[0, 4999, 17, 0]]
    assert round_trip(oracle, ["0 4999 17 0"], 4) == ["0 4999 17 0"]
    with pytest.raises(UserError, match="a text has a word without an id"):
        oracle.encode(["5000"])
    ended = numbers(3, bos=4, eos=3)
    assert (ended.vocab.size, ended.vocab.pad, ended.vocab.forbidden_ids) == (6, 5, (4, 5))
    assert ended.batch(["2 0"], 4).tokens.tolist() == [[2, 0, 3, 5]]
    assert round_trip(ended, ["2 0"]) == ["2 0"]


def test_missing_special_tokens_are_replaced(tmp_path: Path) -> None:
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


def test_a_tokenizer_that_is_not_available_is_an_error_at_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^tokenizer\.path=.*none: folder not found"):
        pretrained(str(tmp_path / "none"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="not a usable tokenizer"):
        pretrained(str(tmp_path / "empty"))
    monkeypatch.setattr(network, "_answers", lambda host, port: False)
    with pytest.raises(UserError, match="not on this machine"):
        pretrained("nobody/nothing")


def test_no_word_is_frequent_enough() -> None:
    with pytest.raises(UserError, match=r"^tokenizer\.min_count: higher than the count of any word"):
        word(["a b c"], min_count=2)
