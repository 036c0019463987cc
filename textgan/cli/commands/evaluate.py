"""Implements `textgan evaluate`, which evaluates a finished run with other samples, seeds or metrics."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from textgan.cli.base import Command, examples, json_option, plugin_option, sampling_options
from textgan.core.errors import UserError

if TYPE_CHECKING:
    from textgan.metrics.base import Metric
    from textgan.runs.model import Model


@click.command(
    cls=Command,
    epilog=examples(
        "textgan evaluate runs/seqgan-...",
        "textgan evaluate runs/seqgan-... --samples 10000 --metrics nll_oracle,bleu",
        "textgan evaluate runs/seqgan-... --temperature 0.8 --json",
    ),
)
@click.argument("run", type=click.Path(path_type=Path))
@click.option(
    "--samples", type=click.IntRange(1), metavar="N", help="Number of texts to generate; default, the recipe's."
)
@sampling_options
@click.option("--metrics", metavar="A,B", help="Metrics to compute; default, the recipe's.")
@click.option(
    "--seed",
    type=click.IntRange(0),
    help="Random seed of the samples; default, the recipe's, as at the end of the run.",
)
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:1 or mps.")
@plugin_option
@json_option
def evaluate(
    run: Path,
    samples: int | None,
    temperature: float,
    top_k: int | None,
    top_p: float | None,
    metrics: str | None,
    seed: int | None,
    device: str,
    plugins: Sequence[Path],
    as_json: bool,
) -> None:
    """Evaluate the model of a finished run.

    RUN is a run's folder, or the model folder in it. The data of the run's recipe are read again.
    """
    from textgan.cli.display.output import write_json
    from textgan.generation.decoding.ancestral import Ancestral
    from textgan.runs import evaluator, model
    from textgan.runs.builder import prepare

    trained = model.load(run, device)
    blocks = _metric_blocks(trained, metrics)
    corpus = prepare(trained.recipe)
    if corpus.tokenizer.vocab != trained.tokenizer.vocab or corpus.max_len != trained.max_len:
        raise UserError(
            f"RUN={run}: the data of its recipe have changed; expected the data it was trained on; restore them"
        )
    built = [_build_metric(block, trained, corpus) for block in blocks]
    settings = trained.recipe.filled
    count = samples or settings["evaluate"]["samples"]
    used_seed = settings["seed"] if seed is None else seed
    decoding = Ancestral(temperature, top_k, top_p)
    measured = evaluator.evaluate(trained.generator, corpus, built, count, used_seed, decoding)
    better: dict[str, str] = {name: direction for metric in built for name, direction in metric.better().items()}
    signatures = [text for text in (metric.signature() for metric in built) if text]
    if as_json:
        sampling = {
            "samples": count,
            "temperature": temperature,
            "top_k": top_k,
            "top_p": top_p,
            "seed": used_seed,
        }
        write_json({"run": str(run), "values": measured.values, "better": better, "signatures": signatures} | sampling)
        return
    _print_table(count, measured.values, better, signatures)
    if (temperature, top_k, top_p) != (1.0, None, None):
        click.echo(
            "--temperature, --top-k and --top-p change the samples only; likelihoods are those of the unchanged model."
        )


def _print_table(count: int, values: Mapping[str, float], better: Mapping[str, str], signatures: Sequence[str]) -> None:
    from textgan.cli.display.output import result_console
    from textgan.cli.display.table import metric_table, signature_lines

    console = result_console()
    console.print(metric_table({f"{count:,} samples": values}, better))
    for line in signature_lines(signatures):
        console.print(line)


def _metric_blocks(trained: Model, names: str | None) -> list[dict[str, Any]]:
    """Returns the requested metrics: the recipe's own blocks where it has them, else the metrics' defaults."""
    own: list[dict[str, Any]] = trained.recipe.filled["evaluate"]["metrics"]
    if names is None:
        return own
    from textgan import recipe as recipes

    requested = [name.strip() for name in names.split(",") if name.strip()]
    known = {block["name"]: block for block in own}
    blocks = json.dumps([known.get(name, name) for name in requested])
    filled = recipes.load(trained.recipe.file, [f"evaluate.metrics={blocks}"]).filled
    found: list[dict[str, Any]] = filled["evaluate"]["metrics"]
    return found


def _build_metric(block: Mapping[str, Any], trained: Model, corpus: Any) -> Metric:
    """Builds a metric. Raises UserError if it requires an object that is not saved with a model."""
    from textgan.core import registry, spec
    from textgan.runs.builder import corpus_objects, make

    shared = corpus_objects(corpus) | {"generator": trained.generator}
    known = spec.read(registry.find("metric", block["name"]))
    missing = sorted(known.shared - known.optional_shared - set(shared))
    if missing:
        raise UserError(
            f"--metrics={block['name']}: requires the {missing[0]}, which is not saved with a finished model; "
            "choose other metrics with --metrics"
        )
    metric: Metric = make("metric", block, shared)
    return metric
