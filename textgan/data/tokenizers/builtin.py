"""Makes the tokenizers that a recipe can name. Ids are the same in every run and process.

All but `pretrained` learn from the training text alone. Their special ids come first: <pad>, <bos>, <eos>, <unk>.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textgan.core.errors import UserError
from textgan.core.options import Count, PositiveInt
from textgan.core.types import Vocabulary
from textgan.data.network import hub_is_offline
from textgan.data.readers import first_line
from textgan.data.tokenizers.base import FILE, Tokenizer, wrap

if TYPE_CHECKING:
    from tokenizers import Tokenizer as Backend

PAD, BOS, EOS, UNK = SPECIAL = ("<pad>", "<bos>", "<eos>", "<unk>")

_LETTER = r"[\p{L}\p{M}\p{N}_]"
_NOT = rf"(?i:n['’]t)(?!{_LETTER})"
_CLITIC = rf"['’](?i:s|m|d|ll|re|ve)(?!{_LETTER})"
WORDS = "|".join(
    [
        "<unk>",
        _NOT,
        _CLITIC,
        r"(?i:mr|mrs|ms|dr|prof|sr|jr|st|vs)\.(?=\s+\S)",
        rf"\p{{L}}(?:\.\p{{L}})+(?!{_LETTER})\.?",  # u.s., e.g.
        rf"\p{{N}}+(?:[.,:]\p{{N}}+)+(?!{_LETTER})",  # 3.5, 1,000, 11:44
        rf"(?:(?!{_NOT}){_LETTER}|(?<={_LETTER})(?:[-/]|(?!{_CLITIC})['’])(?={_LETTER}))+",  # o'clock
        r"\.{2,}",
        r"-{2,}",
        r"\S\p{M}*",
    ]
)
"""Matches a word as NLTK's `word_tokenize` does, with two differences: "cannot" and quotation marks are not changed,
and a full stop is a separate word inside a line as well as at its end."""


def word(
    texts: Sequence[str],
    vocab_size: PositiveInt | None = None,
    min_count: PositiveInt = 1,
    lowercase: bool = True,
) -> Tokenizer:
    """Splits text into words and punctuation; decoded text has a space between any two.

    Splits like NLTK's `word_tokenize`: "isn't" -> "is n't", "dog's" -> "dog 's"; hyphenated words stay whole. Ids are
    in the order of frequency. For languages without spaces between words, use `char` or `bpe`.

    Args:
        texts: the training texts.
        vocab_size: maximum number of ids, the four special ones included; None for no limit.
        min_count: words that are less frequent in the training text become <unk>.
        lowercase: whether to convert all text to lower case.

    Raises:
        UserError: if no word fits into the vocabulary.
    """
    from tokenizers import Regex, models, normalizers, pre_tokenizers, trainers
    from tokenizers import Tokenizer as Backend

    backend = Backend(models.WordLevel(unk_token=UNK))
    backend.normalizer = normalizers.Sequence([normalizers.NFC(), *([normalizers.Lowercase()] if lowercase else [])])
    backend.pre_tokenizer = pre_tokenizers.Split(Regex(WORDS), "removed", invert=True)

    def frequent(least: int) -> list[str]:  # by descending count, ties in alphabetical order
        trainer = trainers.WordLevelTrainer(
            vocab_size=2**32, min_frequency=least, show_progress=False, special_tokens=[]
        )
        backend.train_from_iterator(texts, trainer)
        ids = backend.get_vocab()
        return sorted(ids, key=ids.__getitem__)

    found = frequent(1)
    return _numbered(backend, found, found if min_count == 1 else frequent(min_count), vocab_size)


def char(texts: Sequence[str], vocab_size: PositiveInt | None = None, min_count: PositiveInt = 1) -> Tokenizer:
    """Splits text into characters, spaces included; decodes to the exact text.

    Args:
        texts: the training texts.
        vocab_size: maximum number of ids, the four special ones included; None for no limit.
        min_count: characters that are less frequent in the training text become <unk>.

    Raises:
        UserError: if no character fits into the vocabulary.
    """
    from tokenizers import Regex, decoders, models, pre_tokenizers
    from tokenizers import Tokenizer as Backend

    backend = Backend(models.WordLevel(unk_token=UNK))
    backend.pre_tokenizer = pre_tokenizers.Split(Regex(r"(?m:.)"), "isolated")  # Oniguruma's (?m:.) is any character
    backend.decoder = decoders.Fuse()
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(text)
    found = sorted(counts, key=lambda letter: (-counts[letter], letter))
    return _numbered(backend, found, [letter for letter in found if counts[letter] >= min_count], vocab_size)


def bpe(texts: Sequence[str], vocab_size: PositiveInt = 8000, min_count: PositiveInt = 2) -> Tokenizer:
    """Splits text by byte-pair encoding of UTF-8 (Sennrich et al. 2016, as in GPT-2); decodes to the exact text.

    There are no unknown words: unseen text is encoded as bytes.

    Args:
        texts: the training texts.
        vocab_size: maximum number of ids: 256 bytes, three special ids, and the merged pairs.
        min_count: pairs that are less frequent in the training text are not merged.

    Raises:
        UserError: if `vocab_size` is less than 259.
    """
    from tokenizers import Tokenizer as Backend
    from tokenizers import decoders, models, pre_tokenizers, trainers

    special, alphabet = [PAD, BOS, EOS], pre_tokenizers.ByteLevel.alphabet()
    if vocab_size < len(special) + len(alphabet):
        least = len(special) + len(alphabet)
        raise UserError(
            f"tokenizer.vocab_size={vocab_size}: too small; expected at least {least}, for 256 bytes and 3 special ids"
        )
    backend = Backend(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        min_frequency=min_count,
        special_tokens=special,
        initial_alphabet=sorted(alphabet),
        show_progress=False,
    )
    backend.train_from_iterator(texts, trainer)
    return wrap(backend, Vocabulary(size=backend.get_vocab_size(), bos=1, eos=2, pad=0, forbidden_ids=(0, 1)))


def pretrained(path: str, revision: str | None = None) -> Tokenizer:
    """Loads a saved tokenizer, or one from the Hugging Face Hub. Code that comes with it is never run.

    Missing special tokens are replaced. The start token becomes [CLS], or else the padding or end token (as in T5 and
    GPT-2). The end token becomes [SEP], or else a new <eos>. The padding token, which no network reads, becomes the end
    token.

    Args:
        path: a folder (one that textgan or `save_pretrained` wrote), or a name on the Hub such as
            openai-community/gpt2.
        revision: branch, tag or commit on the Hub; only a commit fixes the tokenizer.

    Raises:
        UserError: if there is no such tokenizer, or if it has no tokenizer.json.
    """
    folder = Path(path).expanduser()
    if (folder / FILE).is_file():
        return Tokenizer.load(folder)
    if not folder.is_dir() and (path[:1] in {".", "/", "~"} or path.count("/") > 1):
        raise UserError(
            f"tokenizer.path={path}: folder not found; expected a folder with a tokenizer.json, or a name on the Hub"
        )
    return _adopt(_fetch(str(folder) if folder.is_dir() else path, revision, local=folder.is_dir()))


def numbers(size: Count, bos: Count, eos: Count | None = None) -> Tokenizer:
    """Returns a tokenizer of ids written as numbers between spaces: the words "0" to "size-1" have these ids.

    Ids from `size` on are added as special tokens. There is then a padding id after them; otherwise padding is `bos`,
    since no network reads it.

    Args:
        size: number of ordinary tokens.
        bos: the id that a generator reads first: that of an ordinary token (as in SeqGAN's experiment), or a larger
            one.
        eos: the id that ends a sequence, or None if every sequence has the full length.
    """
    from tokenizers import Tokenizer as Backend
    from tokenizers import models, pre_tokenizers

    ids = {str(number): number for number in range(size)}
    extra = {name: token for name, token in ((BOS, bos), (EOS, eos)) if token is not None and token >= size}
    pad = max(extra.values()) + 1 if extra else bos
    ids |= extra | ({PAD: pad} if extra else {})
    forbidden = tuple(sorted({pad, *([bos] if BOS in extra else [])})) if extra else ()
    backend = Backend(models.WordLevel(ids, unk_token=UNK))  # <unk> has no id: another word is an error
    backend.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return wrap(backend, Vocabulary(size=len(ids), bos=bos, eos=eos, pad=pad, forbidden_ids=forbidden))


def _numbered(backend: Backend, found: Sequence[str], often: Sequence[str], vocab_size: int | None) -> Tokenizer:
    """Assigns ids to the words of a tokenizer.

    Args:
        backend: splits text into words.
        found: all words of the training text.
        often: the words that are frequent enough, by descending count; as many as fit get an id.
        vocab_size: maximum number of ids, or None.

    Raises:
        UserError: if no word gets an id.
    """
    from tokenizers import models

    has_unk = UNK in found
    known, ordered = len(found) - has_unk, [word for word in often if word != UNK]
    room = len(ordered) if vocab_size is None else vocab_size - len(SPECIAL)
    if room < 1 and known:
        if vocab_size is None:
            raise UserError("tokenizer.min_count: higher than the count of any word; expected a smaller one")
        raise UserError(f"tokenizer.vocab_size={vocab_size}: too small; expected more than the four special ids")
    words = ordered[:room]
    ids = {name: number for number, name in enumerate((*SPECIAL, *words))}
    complete = not has_unk and len(words) == known
    forbidden = (0, 1, 3) if complete else (0, 1)  # <unk> is generated only if it is in the training data
    backend.model = models.WordLevel(ids, unk_token=UNK)
    return wrap(backend, Vocabulary(size=len(ids), bos=1, eos=2, pad=0, forbidden_ids=forbidden), UNK)


def _fetch(path: str, revision: str | None, local: bool) -> Any:
    from transformers import AutoTokenizer

    offline = local or hub_is_offline()
    try:
        found = AutoTokenizer.from_pretrained(
            path, revision=revision or "main", local_files_only=offline, trust_remote_code=False
        )
    except Exception as error:  # the exception depends on which file is bad
        if offline and not local:
            raise UserError(
                f"tokenizer.path={path}: not on this machine, and the Hugging Face Hub cannot be reached; "
                "download it where there is a network, and give its folder"
            ) from error
        raise UserError(f"tokenizer.path={path}: not a usable tokenizer ({first_line(error)})") from error
    if not found.is_fast:
        raise UserError(f"tokenizer.path={path}: runs only in Python; expected a tokenizer with a tokenizer.json")
    return found


def _adopt(hf: Any) -> Tokenizer:
    """Wraps a tokenizer of transformers; replaces its missing special tokens."""
    backend = hf.backend_tokenizer
    eos = hf.eos_token_id if hf.eos_token_id is not None else hf.sep_token_id
    if eos is None:
        backend.add_special_tokens([EOS])
        eos = backend.token_to_id(EOS)
    candidates = (hf.bos_token_id, hf.cls_token_id, hf.pad_token_id, eos)
    bos = next(token for token in candidates if token is not None)
    pad = hf.pad_token_id if hf.pad_token_id is not None else eos
    generable = {eos, hf.unk_token_id}
    forbidden = tuple(sorted({bos, pad, *hf.all_special_ids} - generable))
    size = max(backend.get_vocab().values()) + 1
    return wrap(backend, Vocabulary(size=size, bos=bos, eos=eos, pad=pad, forbidden_ids=forbidden), hf.unk_token)
