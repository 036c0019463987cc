"""What a picture of curves must not do."""

from __future__ import annotations

import re

from textgan.compare.reporting.chart import WIDTH, Series, chart


def test_names_of_phases_stay_inside_the_picture() -> None:
    """Behind a long pre-training all others begin at the right edge."""
    series = Series("a", [(0.0, 1.0), (100.0, 2.0)], [], 0)
    marks = [(0.0, "pretrain-g"), (99.0, "pretrain-d"), (100.0, "adversarial-of-many-rounds")]
    picture = str(chart([series], "rounds", "nll", "Training", marks))
    found = re.findall(
        r'<text x="([-.\d]+)" y="[-.\d]+" text-anchor="(start|end)">(pretrain-.|adv[^<]*)</text>', picture
    )
    assert [name for _, _, name in found] == [name for _, name in marks]
    for x, anchor, name in found:
        wide = 9 * len(name)
        left = float(x) - (wide if anchor == "end" else 0)
        assert left >= 0, name
        assert left + wide <= WIDTH, name
