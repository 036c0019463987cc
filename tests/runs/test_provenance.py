from __future__ import annotations

import json
import platform
from pathlib import Path

import torch
from support.runs import small

import textgan
from textgan.core.roles import Tracker
from textgan.runs.provenance import PACKAGES, environment


def test_it_names_versions_and_machine() -> None:
    found = environment(small())
    assert found["recipe"] == "seqgan"
    assert found["python"] == platform.python_version()
    assert found["threads"] == torch.get_num_threads()
    assert set(found["packages"]) == set(PACKAGES)
    assert found["packages"]["textgan"] == textgan.__version__
    json.dumps(found)


def test_it_names_every_component_and_its_provider() -> None:
    components = environment(small())["components"]
    assert set(components) >= {
        "data grammar", "tokenizer word", "generator lstm", "discriminator text_cnn", "loss bce", "reward adversarial",
        "estimator rollout", "decoding ancestral", "optimizer adam", "metric nll_test", "callback warm_start",
        "objective likelihood", "objective adversarial", "objective discriminate",
    }  # fmt: skip
    assert all(provider == f"textgan {textgan.__version__}" for provider in components.values())


def test_a_component_of_a_file_is_named_by_the_file() -> None:
    @textgan.register("tracker", "mine")
    class Mine(Tracker):
        """Does nothing."""

        def __init__(self, run_folder: Path) -> None: ...

        def log(self, *_: object) -> None: ...

    assert environment(small("trackers=[mine]"))["components"]["tracker mine"] == Path(__file__).name


def test_it_has_no_paths() -> None:
    assert str(Path.home()) not in json.dumps(environment(small()))
