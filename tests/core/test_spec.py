"""A component's spec: read from its source, or from the imported object where the source does not contain it."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from textgan.core import registry, source, spec
from textgan.core.errors import UserError
from textgan.core.options import PositiveInt
from textgan.core.registry import Component
from textgan.core.spec import MISSING, Spec

Write = Callable[..., Component]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Write]:
    """Writes a package `plugin` with these modules and returns the component `Mine` of its module `main`."""
    folder = tmp_path / "plugin"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)

    def write(main: str, **modules: str) -> Component:
        for name, text in {"main": main, **modules}.items():
            (folder / f"{name}.py").write_text(textwrap.dedent(text), encoding="utf-8")
        return Component("estimator", "mine", "plugin.main:Mine", "plugin", "1")

    yield write
    for name in [name for name in sys.modules if name.partition(".")[0] == "plugin"]:
        del sys.modules[name]
    source.parse_module.cache_clear()
    spec._read.cache_clear()


def parsed(component: Component) -> Spec:
    """The spec that is read without importing the component."""
    found = spec._parse(component)
    assert found is not None, "the source was not enough"
    return found


BODY = '''
    """Averages rewards.

    Over many samples.

    Args:
        decay: how much of the mean is kept.
        size: how many samples, at
            least one.
    """

    requires = frozenset({"log_prob"})

    def __init__(self, vocab, corpus=None, decay: float = 0.5, *, size: PositiveInt) -> None: ...
    def losses(self, generator, reward, batch): ...
'''
BASE = (
    "from textgan import roles\nfrom textgan.core.options import PositiveInt\n" + "class Base(roles.Estimator):" + BODY
)
SHAPES = {
    "a name imported from a package": ("from textgan import roles", "roles.Estimator", {}),
    "a dotted module": ("import textgan.roles", "textgan.roles.Estimator", {}),
    "a module under another name": ("import textgan.roles as other", "other.Estimator", {}),
    "a class under another name": ("from textgan.roles import Estimator as Other", "Other", {}),
    "the module that defines it": ("from textgan.core.roles import Estimator", "Estimator", {}),
    "a star import": ("from textgan.roles import *", "Estimator", {}),
    "the last of two star imports": ("from math import *\nfrom textgan.roles import *", "Estimator", {}),
    "a relative import": ("from .base import Base", "Base", {"base": BASE}),
    "a relative module": ("from . import base", "base.Base", {"base": BASE}),
    "a re-export": ("from .exports import Base", "Base", {"base": BASE, "exports": "from .base import Base"}),
    "a starred re-export": ("from .exports import Base", "Base", {"base": BASE, "exports": "from .base import *"}),
    "a generic base": (
        "from typing import Generic, TypeVar\nfrom textgan import roles\nT = TypeVar('T')\n"
        "class Base(roles.Estimator, Generic[T]):\n    flavour = 'plain'\n",
        "Base[int]",
        {},
    ),
    "a class nested under another base of the module": (
        "import textgan.roles\nclass Base(textgan.roles.Estimator):\n    flavour = 'plain'",
        "Base",
        {},
    ),
    "two bases": ("from textgan import roles\nclass Other:\n    flavour = 'plain'", "roles.Estimator, Other", {}),
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("own", [True, False], ids=["own constructor", "inherited constructor"])
def test_reading_and_inspecting_agree_for_each_way_to_name_a_base_class(shape: str, own: bool, write: Write) -> None:
    imports, base, modules = SHAPES[shape]
    head = f"from __future__ import annotations\n{imports}\nfrom textgan.core.options import PositiveInt\n"
    body = BODY if own else "\n    '''Averages.'''\n    requires = frozenset({'rollouts'})\n"
    component = write(f"{head}class Mine({base}):{body}", **modules)
    found = parsed(component)
    assert found == spec._inspect(component)
    assert found.traits["requires"] == frozenset({"log_prob"} if own else {"rollouts"})
    assert found.traits["mode"] == "score", "a trait of the role"
    if own or "base" in modules:
        assert list(found.options) == ["decay", "size"]
        assert (found.options["decay"].default, found.options["size"].default) == (0.5, MISSING)
        assert (found.options["decay"].type, found.options["size"].type) == (float, PositiveInt)
        assert found.shared == {"vocab", "corpus"}
        assert found.optional_shared == {"corpus"}
    else:
        assert not found.options


def test_documentation_is_split_into_summary_and_options(write: Write) -> None:
    found = parsed(write(BASE.replace("Base", "Mine")))
    assert found.doc == "Averages rewards.\n\nOver many samples."
    assert found.summary == "Averages rewards."
    assert found.options["decay"].doc == "how much of the mean is kept."
    assert found.options["size"].doc == "how many samples, at least one."


NOT_IN_THE_SOURCE = {
    "a base class made at run time": """
        from textgan import roles
        Base = type("Base", (roles.Estimator,), {"requires": frozenset({"log_prob"})})
        class Mine(Base):
            def __init__(self, decay: float = 0.9) -> None: ...
    """,
    "a base class that a function returns": """
        from textgan import roles
        def base():
            return type("Base", (roles.Estimator,), {"requires": frozenset({"log_prob"})})
        class Mine(base()):
            def __init__(self, decay: float = 0.9) -> None: ...
    """,
    "a base class imported conditionally": """
        try:
            from textgan.roles import Estimator
        except ImportError:
            Estimator = object
        class Mine(Estimator):
            requires = frozenset({"log_prob"})
            def __init__(self, decay: float = 0.9) -> None: ...
    """,
    "a default that is not a literal": """
        from textgan import roles
        DECAY = 0.9
        class Mine(roles.Estimator):
            requires = frozenset({"log_prob"})
            def __init__(self, decay: float = DECAY) -> None: ...
    """,
    "a star import of a library, from which the base class may come": """
        from textgan.roles import *
        from math import *
        class Mine(Estimator):
            requires = frozenset({"log_prob"})
            def __init__(self, decay: float = 0.9) -> None: ...
    """,
    "a decorated class": """
        from dataclasses import dataclass
        @dataclass
        class Mine:
            decay: float = 0.9
            requires = frozenset({"log_prob"})
    """,
    "a class made at run time": """
        def __init__(self, decay: float = 0.9): ...
        Mine = type("Mine", (), {"__init__": __init__, "requires": frozenset({"log_prob"})})
    """,
    "a re-exported class": """
        from .other import Mine
    """,
}
OTHER = """
class Mine:
    requires = frozenset({"log_prob"})
    def __init__(self, decay: float = 0.9) -> None: ...
"""


@pytest.mark.parametrize("shape", NOT_IN_THE_SOURCE)
def test_what_the_source_does_not_contain_is_inspected(shape: str, write: Write) -> None:
    component = write(NOT_IN_THE_SOURCE[shape], other=OTHER)
    assert spec._parse(component) is None
    found = spec.read(component)
    assert found.options["decay"].default == 0.9
    assert found.options["decay"].type is float
    assert found.traits["requires"] == {"log_prob"}


def test_import_cycles_end(write: Write) -> None:
    component = write("from .a import Base\nclass Mine(Base): ...", a="from .b import Base", b="from .a import Base")
    assert spec._parse(component) is None
    with pytest.raises(UserError, match=r'estimator "mine" of plugin 1 cannot be loaded from plugin\.main:Mine'):
        spec.read(component)


@pytest.mark.parametrize(
    ("text", "message"), [("class Mine(:", "invalid syntax"), ("x = 1", "Mine"), ("import no_such_module", "no_such")]
)
def test_a_component_that_cannot_be_imported_is_an_error(text: str, message: str, write: Write) -> None:
    with pytest.raises(UserError, match=rf"cannot be loaded from plugin\.main:Mine: .*{message}"):
        spec.read(write(text))


def test_a_class_without_documentation_does_not_inherit_that_of_its_role(write: Write) -> None:
    component = write("from textgan import roles\nclass Mine(roles.Estimator): ...")
    assert parsed(component).doc == spec._inspect(component).doc == ""


def test_a_function_is_read_like_a_constructor(write: Write) -> None:
    component = write(
        """
        from __future__ import annotations
        def Mine(parameters, /, generator, lr: float = 0.1, *steps, decay: float = 0.0, **others):
            '''Makes an optimizer.'''
        """
    )
    assert parsed(component) == spec._inspect(component)
    assert (list(parsed(component).options), parsed(component).shared) == (["lr", "decay"], {"generator"})


def test_nothing_is_imported_by_reading(write: Write) -> None:
    component = write("from textgan import roles\nraise RuntimeError\nclass Mine(roles.Estimator): ...")
    assert spec.read(component).traits["mode"] == "score"
    assert "plugin.main" not in sys.modules


def test_registered_objects_are_inspected() -> None:
    @registry.register("reward", "short")
    class Short:
        """Rewards short texts."""

        power = 2

        def __init__(self, weight: float = 1.0) -> None: ...

    found = spec.read(registry.find("reward", "short"))
    assert (found.options["weight"].default, found.traits["power"], found.doc) == (1.0, 2, "Rewards short texts.")


@pytest.mark.parametrize("component", registry.components(), ids=lambda c: f"{c.kind}-{c.name}")
def test_reading_and_inspecting_agree_for_every_component(component: Component) -> None:
    read, inspected = parsed(component), spec._inspect(component)
    assert read.options == inspected.options
    assert read.shared == inspected.shared
    assert read.optional_shared == inspected.optional_shared
    assert read.traits == inspected.traits
    assert read.doc == inspected.doc


@pytest.mark.parametrize("component", registry.components(), ids=lambda c: f"{c.kind}-{c.name}")
def test_every_component_documents_its_options(component: Component) -> None:
    found = parsed(component)
    assert found.summary
    assert not [option.name for option in found.options.values() if not option.doc]


def test_specs_of_all_components_are_read_without_torch() -> None:
    code = (
        "import sys\nfrom textgan.core import registry, spec\n"
        "for component in registry.components():\n    spec.read(component)\nassert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
