"""A trained generator by itself: saved at the end of a run, loaded to write and to score text."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from textgan import codes, devices
from textgan.atomic import writing
from textgan.build import Run, device_of, make
from textgan.data.template import ids_of, sentence, template
from textgan.data.tokenizer import Tokenizer
from textgan.decodings.ancestral import Ancestral
from textgan.errors import UserError
from textgan.evaluation import generate
from textgan.folder import Folder, read_json
from textgan.recipe import Recipe
from textgan.recipe import load as load_recipe
from textgan.recipe.capability import offering
from textgan.roles import Decoding, Generator
from textgan.seeds import stream
from textgan.types import Batch, Samples


@dataclass(frozen=True)
class Model:
    """A generator with its tokenizer.

    Args:
        recipe: what it was trained by.
        max_len: longest sequence that it was trained on, its end included.
    """

    recipe: Recipe
    generator: Generator
    tokenizer: Tokenizer
    max_len: int

    def sample(
        self,
        count: int,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        seed: int | None = None,
        max_len: int | None = None,
    ) -> list[str]:
        """New texts. With a seed, the same ones each time.

        Args:
            temperature: below 1 is safer and duller, above 1 wilder; 0 takes the likeliest word each time.
            top_k: draw from the k likeliest words only.
            top_p: draw from the likeliest words that hold this share of the probability.
            max_len: longest text in tokens; default as in training.
        """
        if count < 0 or (max_len is not None and max_len < 1):
            raise ValueError("count is 0 or more, max_len 1 or more")
        decoding = Ancestral(temperature, top_k, top_p)
        if seed is None:
            return self._texts(count, decoding, max_len)
        with stream(seed, "sample"):
            return self._texts(count, decoding, max_len)

    def fill(
        self,
        text: str,
        count: int = 1,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        seed: int | None = None,
        max_len: int | None = None,
    ) -> list[str]:
        """The same text `count` times, each "___" filled with one word, all else kept; it ends where the text does.

        Drawn from left to right in the light of all that is given. A seed and the other options are as in `sample`.

        Raises:
            UserError: if the generator does not look at what stands behind a blank, or the text cannot be read.
        """
        self._must_offer("infilling", "fill")
        decoding = Ancestral(temperature, top_k, top_p)
        batch = template(text, self.tokenizer, max_len or self.max_len, count)
        with torch.no_grad(), nullcontext() if seed is None else stream(seed, "sample"):
            return self._decoded(decoding(self.generator, batch.to(self._device)))

    def interpolate(self, first: str, last: str, count: int = 7) -> list[str]:
        """The texts at `count` points of the straight line between two texts' codes, both ends included.

        Raises:
            UserError: if the generator offers no codes, count is below 2, or a text cannot be read.
        """
        self._must_offer("codes", "interpolate")
        if count < 2:
            raise UserError(f"a line between two texts has at least 2 points, not {count}")
        ends = Batch.cat([sentence(text, self.tokenizer, self.max_len) for text in (first, last)])
        return self._decoded(codes.interpolate(self.generator, ends.to(self._device), count, self.max_len))

    def reconstruct(self, text: str, count: int = 1, seed: int | None = None) -> list[str]:
        """A text written again from its code, then from `count` - 1 draws of its posterior where there is one.

        Raises:
            UserError: if the generator offers no codes, or the text cannot be read.
        """
        self._must_offer("codes", "reconstruct")
        batch = sentence(text, self.tokenizer, self.max_len).to(self._device)
        with nullcontext() if seed is None else stream(seed, "sample"):
            return self._decoded(codes.reconstruct(self.generator, batch, count, self.max_len))

    def impute(self, text: str, count: int = 1, seed: int | None = None) -> list[str]:
        """The likeliest ways that were found to fill each "___" of a text, best first, at most `count`.

        Raises:
            UserError: if the generator offers no log_prob, or the text cannot be read.
        """
        self._must_offer("log_prob", "impute")
        batch = template(text, self.tokenizer, self.max_len, 1).to(self._device)
        barred = [word for word in (self.tokenizer.vocab.eos, self.tokenizer.unk) if word is not None]
        with nullcontext() if seed is None else stream(seed, "sample"):
            return self._decoded(codes.impute(self.generator, batch, count, barred))

    def log_prob(self, texts: Sequence[str]) -> list[float]:
        """log pi of each text in nats, its end included; a draw of a lower bound, where the generator knows no more.

        Raises:
            UserError: if a text is longer than this model's can be, or has a word that it does not know.
        """
        if isinstance(texts, str):
            raise TypeError("texts are a list of strings; put a single one into a list")
        ids = [ids_of(text, self.tokenizer, self.max_len) for text in texts]
        batch = self.tokenizer.pad(ids, self.max_len).to(self._device)
        samples = Samples(batch.tokens, batch.valid, batch.valid)
        with torch.no_grad():
            return self.generator.log_prob(samples).double().sum(1).tolist()

    @property
    def _device(self) -> torch.device:
        return next(self.generator.parameters()).device

    def _decoded(self, samples: Samples) -> list[str]:
        return self.tokenizer.decode(samples.x.cpu(), samples.valid.cpu())

    def _must_offer(self, thing: str, use: str) -> None:
        if thing not in self.generator.offers:
            name = self.recipe.filled["generator"]["name"]
            raise UserError(
                f'{use} needs a generator that offers {thing}; "{name}" does not{offering("generator", thing)}'
            )

    def _texts(self, count: int, decoding: Decoding, max_len: int | None) -> list[str]:
        made = generate(self.generator, max_len or self.max_len, count, decoding)
        return self.tokenizer.decode(made.x.cpu(), made.valid.cpu())


def save(run: Run, folder: Path) -> None:
    """The generator, its tokenizer and its recipe, in a folder of their own."""
    with writing(folder) as temporary:
        weights = {key: value.cpu().contiguous().clone() for key, value in run.generator.state_dict().items()}
        save_file(weights, temporary / "generator.safetensors")
        run.corpus.tokenizer.save(temporary / "tokenizer")
        run.generator.export(temporary)
        (temporary / "recipe.yaml").write_text(run.recipe.yaml(), encoding="utf-8")
        (temporary / "model.json").write_text(json.dumps({"max_len": run.corpus.max_len}), encoding="utf-8")


def load(path: str | Path, device: str = "auto") -> Model:
    """The model of a finished run (its folder, or the `model` folder in it). Raises UserError if there is none."""
    devices.prepare()
    folder = Path(path)
    home = folder if (folder / "model.json").is_file() else Folder.open(folder).model
    if not (home / "model.json").is_file():
        raise UserError(f"{folder} has no model yet; finish the run with `textgan run --resume {folder}`")
    recipe = load_recipe(home / "recipe.yaml")
    tokenizer = Tokenizer.load(home / "tokenizer")
    max_len = read_json(home / "model.json")["max_len"]
    shared = {"tokenizer": tokenizer, "vocab": tokenizer.vocab, "max_len": max_len, "exported": home}
    generator: Generator = make("generator", recipe.filled["generator"], shared)
    try:
        generator.load_state_dict(load_file(home / "generator.safetensors"))
    except (RuntimeError, OSError, SafetensorError) as error:
        raise UserError(f"{home} holds no model that fits its recipe: {str(error).splitlines()[-1].strip()}") from None
    return Model(recipe, generator.to(device_of(device)).eval(), tokenizer, max_len)
