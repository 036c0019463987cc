"""`textgan evaluate`: the numbers of a finished run once more, with other samples, draws or metrics."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from textgan.cli.base import Command, draw_options, examples, json_option, plugin_option
from textgan.core.errors import UserError

if TYPE_CHECKING:
    from textgan.runs.model import Model
    from textgan.metrics.base import Metric


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
    "--samples", type=click.IntRange(1), metavar="N", help="How many texts to generate; default the recipe's."
)
@draw_options
@click.option("--metrics", metavar="A,B", help="Metrics to compute; default the recipe's.")
@click.option("--seed", type=click.IntRange(0), help="Of the draws; default the recipe's, as at the end of the run.")
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
    """Measure the model of a finished run.

    RUN is a run's folder, or the model folder in it. The data of its recipe are read again for this.
    """
    from textgan.runs import evaluator, model
    from textgan.runs.builder import prepare
    from textgan.cli.display.output import result_console, write_json
    from textgan.cli.display.table import metric_table, signature_lines
    from textgan.generation.decoding.ancestral import Ancestral

    trained = model.load(run, device)
    blocks = _metrics(trained, metrics)
    corpus = prepare(trained.recipe)
    if corpus.tokenizer.vocab != trained.tokenizer.vocab or corpus.max_len != trained.max_len:
        raise UserError(f"{run}: the data of its recipe have changed since it was trained; bring the old data back")
    built = [_build(block, trained, corpus) for block in blocks]
    settings = trained.recipe.filled
    count = samples or settings["evaluate"]["samples"]
    used_seed = settings["seed"] if seed is None else seed
    decoding = Ancestral(temperature, top_k, top_p)
    measured = evaluator.evaluate(trained.generator, corpus, built, count, used_seed, decoding)
    better: dict[str, str] = {name: way for metric in built for name, way in metric.better().items()}
    signatures = [text for text in (metric.signature() for metric in built) if text]
    if as_json:
        draws = {
            "samples": count,
            "temperature": temperature,
            "top_k": top_k,
            "top_p": top_p,
            "seed": used_seed,
        }
        write_json({"run": str(run), "values": measured.values, "better": better, "signatures": signatures} | draws)
        return
    console = result_console()
    console.print(metric_table({f"{count:,} samples": measured.values}, better))
    for line in signature_lines(signatures):
        console.print(line)
    if (temperature, top_k, top_p) != (1.0, None, None):
        console.print(
            "The samples are drawn as asked; likelihoods of text are those of the generator as it was trained."
        )


def _metrics(trained: Model, names: str | None) -> list[dict[str, Any]]:
    """The metrics that are asked for: the recipe's own blocks where it has them, else their defaults."""
    own: list[dict[str, Any]] = trained.recipe.filled["evaluate"]["metrics"]
    if names is None:
        return own
    from textgan import recipe as recipes

    wanted = [name.strip() for name in names.split(",") if name.strip()]
    known = {block["name"]: block for block in own}
    blocks = json.dumps([known.get(name, name) for name in wanted])
    filled = recipes.load(trained.recipe.file, [f"evaluate.metrics={blocks}"]).filled
    found: list[dict[str, Any]] = filled["evaluate"]["metrics"]
    return found


def _build(block: Mapping[str, Any], trained: Model, corpus: Any) -> Metric:
    from textgan.core import registry, spec
    from textgan.runs.builder import make, of_corpus

    shared = of_corpus(corpus) | {"generator": trained.generator}
    lacking = sorted(spec.read(registry.find("metric", block["name"])).shared - set(shared))
    if lacking:
        raise UserError(
            f"metric {block['name']} needs the {lacking[0]}, which is not kept with a finished model; "
            "choose others with --metrics"
        )
    metric: Metric = make("metric", block, shared)
    return metric
