"""Saves and loads a trained generator, to generate and score text."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from textgan.core.errors import UserError
from textgan.core.roles import Decoding, Generator
from textgan.core.seeding import stream
from textgan.core.types import Batch, Samples
from textgan.data.template import ids_of, sentence, template
from textgan.data.tokenizers.base import Tokenizer
from textgan.generation import latent
from textgan.generation.decoding.ancestral import Ancestral
from textgan.recipe import Recipe
from textgan.recipe import load as load_recipe
from textgan.recipe.compatibility import offering
from textgan.runs.atomic import writing
from textgan.runs.builder import Run, make
from textgan.runs.evaluator import generate
from textgan.runs.run_dir import RunDir, read_json
from textgan.training.engine import prepare_process, select_device


@dataclass(frozen=True)
class Model:
    """Generates and scores text with a trained generator and its tokenizer.

    Args:
        recipe: the recipe that it was trained with.
        generator: in evaluation mode.
        tokenizer: maps text to ids and back.
        max_len: length of the longest training sequence, its end included.
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
        """Generates texts.

        Args:
            count: how many.
            temperature: divides the logits. Below 1, texts are more likely and less diverse; 0 chooses the most likely
                token each time.
            top_k: sample from the k most likely tokens only.
            top_p: sample from the most likely tokens whose probabilities add up to this number.
            seed: of the random numbers; equal seeds give equal texts. Default: the global random state.
            max_len: longest text in tokens, its end included; default as in training.

        Raises:
            ValueError: if `count` is negative or `max_len` is below 1.
        """
        if count < 0:
            raise ValueError(f"count={count}: negative; expected 0 or more")
        if max_len is not None and max_len < 1:
            raise ValueError(f"max_len={max_len}: below 1; expected 1 or more")
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
        """Fills each "___" of a text with one token and keeps all others.

        The blanks are sampled from left to right, conditioned on all given tokens, before and after them. The result
        ends where the text does.

        Args:
            text: such as "a ___ on a ___".
            count: how many completions to sample.
            temperature: as in `sample`.
            top_k: as in `sample`.
            top_p: as in `sample`.
            seed: as in `sample`.
            max_len: longest text in tokens, its end included; default as in training.

        Raises:
            UserError: if the generator does not offer infilling, or the text cannot be encoded.
        """
        self._require("infilling", "fill")
        decoding = Ancestral(temperature, top_k, top_p)
        batch = template(text, self.tokenizer, max_len or self.max_len, count)
        with torch.no_grad(), nullcontext() if seed is None else stream(seed, "sample"):
            return self._decoded(decoding(self.generator, batch.to(self._device)))

    def interpolate(self, first: str, last: str, count: int = 7) -> list[str]:
        """Generates a text at each of `count` equally spaced points from one text's code to another's.

        Args:
            first: the text of the first point.
            last: the text of the last point.
            count: number of points, both ends included.

        Raises:
            UserError: if the generator does not offer codes, `count` is below 2, or a text cannot be encoded.
        """
        self._require("codes", "interpolate")
        if count < 2:
            raise UserError(f"count={count}: too few points; expected 2 or more; the two texts are the ends")
        ends = Batch.cat([sentence(text, self.tokenizer, self.max_len) for text in (first, last)])
        return self._decoded(latent.interpolate(self.generator, ends.to(self._device), count, self.max_len))

    def reconstruct(self, text: str, count: int = 1, seed: int | None = None) -> list[str]:
        """Generates a text from another's code, then from `count` - 1 samples of its posterior, if it has one.

        Args:
            text: the text to encode.
            count: how many texts to generate.
            seed: as in `sample`.

        Raises:
            UserError: if the generator does not offer codes, or the text cannot be encoded.
        """
        self._require("codes", "reconstruct")
        batch = sentence(text, self.tokenizer, self.max_len).to(self._device)
        with nullcontext() if seed is None else stream(seed, "sample"):
            return self._decoded(latent.reconstruct(self.generator, batch, count, self.max_len))

    def impute(self, text: str, count: int = 1, seed: int | None = None) -> list[str]:
        """Searches for the most likely ways to fill each "___" of a text.

        Args:
            text: such as "a ___ on a ___".
            count: the largest number of texts to return.
            seed: as in `sample`.

        Returns:
            The texts that were found, the most likely first.

        Raises:
            UserError: if the generator does not offer log_prob, or the text cannot be encoded.
        """
        self._require("log_prob", "impute")
        batch = template(text, self.tokenizer, self.max_len, 1).to(self._device)
        forbidden = [token for token in (self.tokenizer.vocab.eos, self.tokenizer.unk) if token is not None]
        with nullcontext() if seed is None else stream(seed, "sample"):
            return self._decoded(latent.impute(self.generator, batch, count, forbidden))

    def log_prob(self, texts: Sequence[str]) -> list[float]:
        """Computes the log-probability of each text in nats, its end included.

        For a generator with a bound only, such as a VAE, this is a sample of that lower bound.

        Args:
            texts: a list of texts.

        Raises:
            TypeError: if `texts` is a single string.
            UserError: if a text is too long for this model or has an unknown word.
        """
        if isinstance(texts, str):
            raise TypeError("texts: a single string; expected a list of strings; put it into a list")
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

    def _require(self, capability: str, use: str) -> None:
        """Raises UserError if the generator does not have a capability."""
        if capability not in self.generator.capabilities:
            name = self.recipe.filled["generator"]["name"]
            raise UserError(
                f'{use} needs a generator that offers {capability}; "{name}" does not'
                f"{offering('generator', capability)}"
            )

    def _texts(self, count: int, decoding: Decoding, max_len: int | None) -> list[str]:
        generated = generate(self.generator, max_len or self.max_len, count, decoding)
        return self.tokenizer.decode(generated.x.cpu(), generated.valid.cpu())


def save(run: Run, folder: Path) -> None:
    """Saves the generator, its tokenizer and its recipe.

    Args:
        run: the run whose generator is saved.
        folder: the model's folder; replaced if it exists.

    Raises:
        Failure: if the disk is full or cannot be written.
    """
    with writing(folder) as temporary:
        weights = {key: value.cpu().contiguous().clone() for key, value in run.generator.state_dict().items()}
        save_file(weights, temporary / "generator.safetensors")
        run.corpus.tokenizer.save(temporary / "tokenizer")
        run.generator.export(temporary)
        (temporary / "recipe.yaml").write_text(run.recipe.yaml(), encoding="utf-8")
        (temporary / "model.json").write_text(json.dumps({"max_len": run.corpus.max_len}), encoding="utf-8")


def load(path: str | Path, device: str = "auto") -> Model:
    """Loads the model of a finished run.

    Args:
        path: the run's folder, or the `model` folder in it.
        device: name of the device to load it to; "auto" is the first GPU if there is one.

    Raises:
        UserError: if the folder has no model, or the device is not available.
    """
    prepare_process()
    folder = Path(path)
    home = folder if (folder / "model.json").is_file() else RunDir.open(folder).model
    if not (home / "model.json").is_file():
        raise UserError(
            f"{folder}: no model yet; expected a finished run; continue it with `textgan run --resume {folder}`"
        )
    recipe = load_recipe(home / "recipe.yaml")
    tokenizer = Tokenizer.load(home / "tokenizer")
    max_len = read_json(home / "model.json")["max_len"]
    shared = {"tokenizer": tokenizer, "vocab": tokenizer.vocab, "max_len": max_len, "exported": home}
    generator: Generator = make("generator", recipe.filled["generator"], shared)
    try:
        generator.load_state_dict(load_file(home / "generator.safetensors"))
    except (RuntimeError, OSError, SafetensorError) as error:
        raise UserError(
            f"{home}: the weights do not fit the recipe ({str(error).splitlines()[-1].strip()}); "
            "expected the files that the run wrote; restore them"
        ) from None
    return Model(recipe, generator.to(select_device(device)).eval(), tokenizer, max_len)
