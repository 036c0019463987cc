"""The tokenizers that a recipe can name. Ids are the same in every run and process.

All but `pretrained` learn from the training text alone, and put their special ids first: <pad>, <bos>, <eos>,
<unk>.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textgan.data.network import hub_is_offline
from textgan.data.tokenizers.base import FILE, Tokenizer, wrap
from textgan.core.errors import UserError
from textgan.core.options import Count, PositiveInt
from textgan.core.types import Vocabulary

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
"""What is a word. Like NLTK's `word_tokenize`, except that "cannot" and quotation marks stay as they are
written, and that a full stop is a word of its own inside a line as well as at its end."""


def word(
    texts: Sequence[str],
    vocab_size: PositiveInt | None = None,
    min_count: PositiveInt = 1,
    lowercase: bool = True,
) -> Tokenizer:
    """Words and punctuation, most frequent first; decoded with a space between any two.

    Splits like NLTK's `word_tokenize`: "isn't" -> "is n't", "dog's" -> "dog 's"; hyphenated words stay whole.
    For writing without spaces between words, use `char` or `bpe`.

    Args:
        vocab_size: at most this many ids, the four special ones included; None for no limit.
        min_count: words seen less often in the training text become <unk>.
        lowercase: read all text in lower case.
    """
    from tokenizers import Regex, models, normalizers, pre_tokenizers, trainers
    from tokenizers import Tokenizer as Backend

    backend = Backend(models.WordLevel(unk_token=UNK))
    backend.normalizer = normalizers.Sequence([normalizers.NFC(), *([normalizers.Lowercase()] if lowercase else [])])
    backend.pre_tokenizer = pre_tokenizers.Split(Regex(WORDS), "removed", invert=True)

    def counted(least: int) -> list[str]:  # by falling count, ties by alphabet
        trainer = trainers.WordLevelTrainer(
            vocab_size=2**32, min_frequency=least, show_progress=False, special_tokens=[]
        )
        backend.train_from_iterator(texts, trainer)
        ids = backend.get_vocab()
        return sorted(ids, key=ids.__getitem__)

    found = counted(1)
    return _numbered(backend, found, found if min_count == 1 else counted(min_count), vocab_size)


def char(texts: Sequence[str], vocab_size: PositiveInt | None = None, min_count: PositiveInt = 1) -> Tokenizer:
    """Every character is a token, the space too; decodes to the exact text.

    Args:
        vocab_size: at most this many ids, the four special ones included; None for no limit.
        min_count: characters seen less often in the training text become <unk>.
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
    """Byte-pair encoding of UTF-8 bytes (Sennrich et al. 2016, as in GPT-2); decodes to the exact text.

    There is no unknown word: what was never seen is spelled in bytes.

    Args:
        vocab_size: at most this many ids: 256 bytes, three special ids, and the merged pairs.
        min_count: pairs seen less often in the training text are not merged.
    """
    from tokenizers import Tokenizer as Backend
    from tokenizers import decoders, models, pre_tokenizers, trainers

    special, alphabet = [PAD, BOS, EOS], pre_tokenizers.ByteLevel.alphabet()
    if vocab_size < len(special) + len(alphabet):
        least = len(special) + len(alphabet)
        raise UserError(f"bpe: vocab_size is {vocab_size}, but 256 bytes and three special ids take {least} at least")
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
    """A saved tokenizer, or one from the Hugging Face Hub. Code that comes with it is never run.

    Missing special tokens: the start falls back to [CLS], then to padding or the end (as in T5 and GPT-2);
        the end to
    [SEP], then to a new <eos>; padding, which nothing reads, to the end.

    Args:
        path: a folder (one that textgan or `save_pretrained` wrote), or a name on the Hub such as
            openai-community/gpt2.
        revision: branch, tag or commit on the Hub; a commit pins it for good.
    """
    folder = Path(path).expanduser()
    if (folder / FILE).is_file():
        return Tokenizer.load(folder)
    if not folder.is_dir() and (path[:1] in {".", "/", "~"} or path.count("/") > 1):
        raise UserError(f"{path}: there is no such folder; name a folder with a tokenizer.json, or a name on the Hub")
    return _adopt(_fetch(str(folder) if folder.is_dir() else path, revision, local=folder.is_dir()), path)


def numbers(size: Count, bos: Count, eos: Count | None = None) -> Tokenizer:
    """Ready ids written as numbers between spaces: the words "0" .. "size-1" have these very ids.

    Args:
        size: number of ordinary words.
        bos: the id that a generator reads first: an ordinary word's (as in SeqGAN's experiment), or one
            behind them.
        eos: the id that ends a sequence, or None where every sequence has the full length.

    Ids from `size` on are added as special tokens. Then there is a padding id behind them; otherwise padding
    is `bos`, since nothing reads it.
    """
    from tokenizers import Tokenizer as Backend
    from tokenizers import models, pre_tokenizers

    ids = {str(number): number for number in range(size)}
    extra = {name: token for name, token in ((BOS, bos), (EOS, eos)) if token is not None and token >= size}
    pad = max(extra.values()) + 1 if extra else bos
    ids |= extra | ({PAD: pad} if extra else {})
    never = tuple(sorted({pad, *([bos] if BOS in extra else [])})) if extra else ()
    backend = Backend(models.WordLevel(ids, unk_token=UNK))  # which is in no vocabulary: another word is an error
    backend.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return wrap(backend, Vocabulary(size=len(ids), bos=bos, eos=eos, pad=pad, forbidden_ids=never))


def _numbered(backend: Backend, found: Sequence[str], often: Sequence[str], vocab_size: int | None) -> Tokenizer:
    """Gives a tokenizer that splits the ids of its words.

    Args:
        found: all words of the training text.
        often: those that are seen often enough, the most frequent first; as many as there is room for are taken.
    """
    from tokenizers import models

    spelled_out = UNK in found
    known, ordered = len(found) - spelled_out, [word for word in often if word != UNK]
    room = len(ordered) if vocab_size is None else vocab_size - len(SPECIAL)
    if room < 1 and known:
        reason = "min_count is higher than any word's count" if vocab_size is None else f"vocab_size is {vocab_size}"
        raise UserError(f"the tokenizer has no room for a word: {reason}; four ids are special, so allow more words")
    words = ordered[:room]
    ids = {name: number for number, name in enumerate((*SPECIAL, *words))}
    unseen = not spelled_out and len(words) == known
    never = (0, 1, 3) if unseen else (0, 1)  # <unk> may be said only where the training text says it
    backend.model = models.WordLevel(ids, unk_token=UNK)
    return wrap(backend, Vocabulary(size=len(ids), bos=1, eos=2, pad=0, forbidden_ids=never), UNK)


def _fetch(path: str, revision: str | None, local: bool) -> Any:
    from transformers import AutoTokenizer

    offline = local or hub_is_offline()
    try:
        found = AutoTokenizer.from_pretrained(
            path, revision=revision or "main", local_files_only=offline, trust_remote_code=False
        )
    except Exception as error:  # what is raised depends on which of its files is bad
        if offline and not local:
            raise UserError(
                f"the tokenizer {path} is not on this machine, and the Hugging Face Hub cannot be reached; "
                "download it where there is a network, and name its folder"
            ) from error
        raise UserError(f"{path}: no usable tokenizer ({str(error).strip().splitlines()[0]})") from error
    if not found.is_fast:
        raise UserError(f"{path}: this tokenizer runs only in Python; textgan needs one with a tokenizer.json")
    return found


def _adopt(hf: Any, path: str) -> Tokenizer:
    backend = hf.backend_tokenizer
    eos = hf.eos_token_id if hf.eos_token_id is not None else hf.sep_token_id
    if eos is None:
        backend.add_special_tokens([EOS])
        eos = backend.token_to_id(EOS)
    candidates = (hf.bos_token_id, hf.cls_token_id, hf.pad_token_id, eos)
    bos = next(token for token in candidates if token is not None)
    pad = hf.pad_token_id if hf.pad_token_id is not None else eos
    speakable = {eos, hf.unk_token_id}
    never = tuple(sorted({bos, pad, *hf.all_special_ids} - speakable))
    size = max(backend.get_vocab().values()) + 1
    return wrap(backend, Vocabulary(size=size, bos=bos, eos=eos, pad=pad, forbidden_ids=never), hf.unk_token)
