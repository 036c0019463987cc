"""Tests the report in a browser: content, requests, narrow screens, dark mode and accessibility."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from support.planting import curve

from textgan.compare.analysis.metric_check import MetricCheck
from textgan.compare.analysis.results import results
from textgan.compare.design.plan import Plan
from textgan.compare.length_study import Study
from textgan.compare.length_study import write as write_lengths
from textgan.compare.reporting.report import write

webdriver = pytest.importorskip("selenium.webdriver")
BROWSER, DRIVER = shutil.which("chromium") or shutil.which("google-chrome"), shutil.which("chromedriver")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (BROWSER and DRIVER), reason="needs chromium and chromedriver"),
]
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-dev-shm-usage",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
TEXTS = (
    "the dog sees the cat",
    "<img src=x onerror=\"document.title='hijacked'\"><script>document.title='hijacked'</script>",
    "a very long word: " + "pneumono" * 30,
)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options, webdriver.ChromeService(DRIVER))
    driver.get("data:text/html,")  # ends the requests of the browser's own start page
    try:
        yield driver
    finally:
        driver.quit()


@pytest.fixture
def page(planted: Callable[..., Plan]) -> Path:
    """A comparison with every section that a report can have."""
    noise = [0.003, -0.002, 0.001, -0.003, 0.002, -0.001]
    values = {
        "one": curve(0.1, noise=lambda seed: noise[seed]),
        "one: start": curve(0.0, unique=0.99),
        "one: continued": curve(0.02),
        "one: constant": curve(0.03),
        "two": curve(0.0, unique=0.05, entropy=0.1),
    }
    plan = planted(values, seeds=6, texts=TEXTS)
    for name in ("one", "two"):
        run = plan.home(name, 0) / "run"
        run.mkdir()
        lines = [
            {"global_round": done, "phase": phase, "round": done - before, "kind": "evaluation"}
            | {"bleu4": 0.1 + 0.02 * done, "nll_test": 4.0 - 0.1 * done}
            for phase, before, rounds in (("pretrain-g", 0, (3, 6)), ("adversarial", 7, (8, 9)))
            for done in rounds
        ]
        (run / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
        (run / "environment.json").write_text('{"textgan": "0.1.0", "torch": "2.13.0"}', encoding="utf-8")
    kinds = ("real", "shuffled", "repeated", "looping", "training text")
    checked = MetricCheck({kind: {"bleu4": 0.5 - 0.1 * n} for n, kind in enumerate(kinds)}, {"bleu4": "higher"})
    return write(results(plan, checked))


def opened(browser: Any, page: Path, width: int = 1280, scheme: str = "light") -> Any:
    media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    browser.get_log("browser"), browser.get_log("performance")
    browser.get(page.as_uri())
    return browser


def test_page_is_complete_without_requests_or_errors(browser: Any, page: Path) -> None:
    opened(browser, page)
    heads = browser.execute_script("return [...document.querySelectorAll('h2')].map(h => h.textContent)")
    assert heads[0] == "Verdicts"
    wanted = {"Quality against diversity", "Training", "Samples", "Recipe differences", "Cost", "Environment"}
    assert wanted <= set(heads)
    assert browser.title == "one vs. two", "no sample text was executed"
    assert browser.execute_script("return document.images.length") == 0
    drawn = browser.execute_script(
        "return [...document.querySelectorAll('svg.chart')].map(s => s.querySelectorAll('polyline.line').length)"
    )
    assert len(drawn) >= 3
    assert all(drawn)
    assert [entry for entry in browser.get_log("browser") if entry["level"] != "DEBUG"] == []
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    requested = [e["params"]["request"]["url"] for e in events if e["method"] == "Network.requestWillBeSent"]
    assert {url.partition(":")[0] for url in requested} <= {"file", "data"}
    assert [url for url in requested if url.startswith("file")] == [page.as_uri()]


def test_search_box_filters_samples(browser: Any, page: Path) -> None:
    opened(browser, page)
    box = browser.find_element("id", "filter")

    def shown() -> list[str]:
        script = "return [...document.querySelectorAll('#rows tr')].filter(r => r.offsetHeight).map(r => r.textContent)"
        return browser.execute_script(script)  # type: ignore[no-any-return]

    assert len(shown()) == 3
    box.send_keys("DOG sees")
    (left,) = shown()
    assert "the dog sees the cat" in left
    assert "1 of 3" in browser.find_element("id", "count").text
    box.send_keys("nothing like it")
    assert shown() == []
    box.clear()
    box.send_keys("e")
    assert len(shown()) == 3


@pytest.mark.parametrize("width", [320, 375, 768, 1280])
def test_page_is_not_wider_than_the_screen(browser: Any, page: Path, width: int) -> None:
    opened(browser, page, width)
    wide = browser.execute_script("return document.documentElement.scrollWidth")
    assert wide <= width
    assert browser.execute_script("return window.innerWidth") == width


def luminance(color: tuple[float, float, float]) -> float:
    """Computes the relative luminance of WCAG 2, from 0 to 1."""
    parts = [c / 255 for c in color]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: tuple[float, float, float], other: tuple[float, float, float]) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


COLORS = """
const rgb = text => text.match(/[\\d.]+/g).map(Number);
const background = element => {
  for (let e = element; e; e = e.parentElement) {
    const c = rgb(getComputedStyle(e).backgroundColor);
    if (c.length < 4 || c[3] > 0) return c.slice(0, 3);
  }
};
const found = [];
for (const e of document.querySelectorAll("body *")) {
  const own = [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
  const drawn = e.matches("polyline.line, circle.dot");
  if (!drawn && (!own || !e.getClientRects().length || e.closest("script, style, title"))) continue;
  const style = getComputedStyle(e);
  const filled = e.matches("circle") || (!drawn && e.closest("svg"));
  const color = filled ? style.fill : drawn ? style.stroke : style.color;
  found.push([e.tagName + "." + e.getAttribute("class"), rgb(color).slice(0, 3), background(e), drawn]);
}
return found;
"""


@pytest.mark.parametrize(("scheme", "dark"), [("light", False), ("dark", True)])
def test_contrast_is_sufficient_in_light_and_dark_mode(browser: Any, page: Path, scheme: str, dark: bool) -> None:
    """At least 4.5:1 for text and 3:1 for lines (WCAG 2.2 AA)."""
    opened(browser, page, scheme=scheme)
    found = browser.execute_script(COLORS)
    assert len(found) > 100
    faint = {
        (name, tuple(fore), tuple(back))
        for name, fore, back, drawn in found
        if contrast(fore, back) < (3 if drawn else 4.5)
    }
    assert not faint
    background = (
        browser.execute_script("return getComputedStyle(document.body).backgroundColor").strip("rgb()").split(", ")
    )
    assert (luminance(tuple(map(float, background))) < 0.1) == dark  # type: ignore[arg-type]


def test_contrast_ratio_matches_the_standard() -> None:
    assert contrast((0, 0, 0), (255, 255, 255)) == pytest.approx(21)
    assert contrast((119, 119, 119), (255, 255, 255)) == pytest.approx(4.48, abs=0.01)


ACCESS: Mapping[str, str] = {
    "a language": "return document.documentElement.lang === 'en' ? [] : ['html']",
    "a title": "return document.title ? [] : ['title']",
    "one main landmark, and all content within landmarks": """
      const outside = [...document.body.children].filter(e => !e.matches("header, main, footer, nav, script"));
      return document.querySelectorAll("main").length === 1 ? outside.map(shorten) : ["main"];""",
    "headings in order": """
      const levels = [...document.querySelectorAll("h1,h2,h3,h4,h5,h6")].map(h => +h.tagName[1]);
      const bad = levels.filter((level, i) => i ? level > levels[i - 1] + 1 : level !== 1);
      return levels.filter(level => level === 1).length === 1 ? bad : ["h1"];""",
    "labels": """
      return [...document.querySelectorAll("input,select,textarea")].filter(e => !e.labels.length).map(shorten);""",
    "names of images": """
      const named = e => e.getAttribute("aria-label") || e.querySelector(":scope > title")?.textContent;
      return [...document.querySelectorAll("svg:not([aria-hidden=true])")]
        .filter(e => e.getAttribute("role") !== "img" || !named(e)).map(shorten);""",
    "headers of tables": """
      const scoped = c => ["col", "row", "colgroup"].includes(c.scope) && c.textContent.trim();
      const headed = t => t.tHead && !t.tHead.querySelector("td") && [...t.querySelectorAll("th")].every(scoped);
      return [...document.querySelectorAll("table")].filter(t => !headed(t)).map(shorten);""",
    "scrollable regions are focusable and named": """
      const scrolls = e => e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).overflowX === "auto";
      return [...document.querySelectorAll("body *")].filter(scrolls)
        .filter(e => e.tabIndex < 0 || !(e.matches("pre") || e.getAttribute("role") === "region")).map(shorten);""",
    "labels of regions exist": """
      return [...document.querySelectorAll("[aria-labelledby]")]
        .filter(e => !document.getElementById(e.getAttribute("aria-labelledby"))).map(shorten);""",
    "ids are unique": """
      const ids = [...document.querySelectorAll("[id]")].map(e => e.id);
      return ids.filter((id, i) => ids.indexOf(id) !== i);""",
    "zooming is not disabled": """
      const view = document.querySelector("meta[name=viewport]");
      return /user-scalable|maximum-scale/.test(view.content) ? [shorten(view)] : [];""",
}


def violations(browser: Any) -> dict[str, list[str]]:
    start = "const shorten = e => e.outerHTML.slice(0, 100);"
    found = {what: browser.execute_script(start + script) for what, script in ACCESS.items()}
    return {what: wrong for what, wrong in found.items() if wrong}


@pytest.mark.parametrize("width", [375, 1280])
def test_page_is_accessible(browser: Any, page: Path, width: int) -> None:
    opened(browser, page, width)
    assert violations(browser) == {}


def test_every_accessibility_check_can_fail(browser: Any, page: Path) -> None:
    """Runs the checks on a page from which everything that they require was removed."""
    opened(browser, page, 375)
    browser.execute_script("""
      document.documentElement.lang = ""; document.title = "";
      document.querySelector("main").outerHTML = document.querySelector("main").outerHTML.replace(/^<main/, "<div");
      document.querySelector("h2").outerHTML = "<h4>too deep</h4>";
      document.querySelector("label").remove();
      document.querySelectorAll("svg").forEach(e => { e.removeAttribute("role"); });
      document.querySelector("th").removeAttribute("scope");
      document.querySelectorAll(".scroll").forEach(e => { e.removeAttribute("tabindex"); });
      document.querySelector("[aria-labelledby=cost]").setAttribute("aria-labelledby", "gone");
      document.querySelector("#rows").id = "filter";
      document.querySelector("meta[name=viewport]").content += ", user-scalable=no";""")
    assert violations(browser).keys() == ACCESS.keys()


def test_page_of_a_length_study_is_accessible(browser: Any, planted: Callable[..., Plan], tmp_path: Path) -> None:
    found = results(planted({"one": curve(0.1), "one: start": curve(0.0), "two": curve(0.05)}, seeds=6))
    page = write_lengths(Study(tmp_path, [20, 40, 80]), [(20, found), (40, found)])
    for scheme in ("light", "dark"):
        opened(browser, page, 375, scheme)
        assert violations(browser) == {}
        assert browser.execute_script("return document.documentElement.scrollWidth") <= 375
        assert not [e for e in browser.execute_script(COLORS) if contrast(e[1], e[2]) < (3 if e[3] else 4.5)]
        assert [entry for entry in browser.get_log("browser") if entry["level"] != "DEBUG"] == []


def test_search_box_is_focusable_by_keyboard_with_a_visible_outline(browser: Any, page: Path) -> None:
    opened(browser, page)
    focused = []
    for _ in range(30):
        browser.switch_to.active_element.send_keys("\ue004")  # tab
        script = "const e = document.activeElement; return [e.id, e.tagName, getComputedStyle(e).outlineStyle]"
        focused.append(browser.execute_script(script))
    boxes = [outline for name, _, outline in focused if name == "filter"]
    assert boxes
    assert set(boxes) == {"solid"}
