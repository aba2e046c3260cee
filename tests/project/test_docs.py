"""The documentation is true: its blocks run, its links lead somewhere, its site is whole."""

import importlib
import re
import runpy
import subprocess
import sys
import tomllib
from html.parser import HTMLParser
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "ARCHITECTURE.md", *sorted((ROOT / "docs").glob("*.md"))]
LANGUAGES = {"", "json", "python", "sh"}


def page_name(page: Path) -> str:
    return page.name


@pytest.mark.models
@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_blocks_run(page, blocks, desk, tmp_path, monkeypatch):
    text = page.read_text(encoding="utf-8")
    assert set(re.findall(r"^ *```(\S+)", text, re.MULTILINE)) <= LANGUAGES
    if not blocks.BLOCK.search(text):
        return
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HAYSTACK_TELEMETRY_ENABLED", "False")
    desk.lay(tmp_path)
    if page.name == "towers.md":
        items = {"en": ("red apple", "cat"), "languages": ("roter Apfel", "Katze")}
        towers = desk.towers(**items, image=("apple.png", "cat.png"))
        towers.save(tmp_path / "out" / "emoji" / "model")
    if page.name == "interchange.md":
        retrieval = pytest.importorskip("mteb.abstasks.retrieval")
        monkeypatch.setattr(retrieval.AbsTaskRetrieval, "load_data", desk.mteb_data)
        monkeypatch.setenv("MTEB_CACHE", str(tmp_path / "mteb"))
    blocks.run(page)


def anchors(text: str) -> set[str]:
    """What the headings of a page are called in links to it."""
    text = re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_links_lead_somewhere(page):
    text = page.read_text(encoding="utf-8")
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if "://" in link:
            assert re.fullmatch(r"https://[\w.-]+\.\w+(/[^\s]*)?", link), link
            continue
        if page.parent.name == "docs":
            continue  # the build of the site is stricter
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target.read_text(encoding="utf-8")), link


class Resources(HTMLParser):
    """Gathers what a page loads."""

    def __init__(self) -> None:
        super().__init__()
        self.loaded = []

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        if tag in ("script", "img", "iframe", "source", "video", "audio", "embed"):
            self.loaded.append(given.get("src"))
        if tag == "link" and given.get("rel") != "canonical":
            self.loaded.append(given.get("href"))


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The site, built as strictly as `make docs` does."""
    pytest.importorskip("mkdocs")
    pytest.importorskip("mkdocstrings_handlers.python")
    folder = tmp_path_factory.mktemp("site")
    subprocess.run(["make", "--silent", "typing"], cwd=ROOT, check=True)
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet"]
    command += ["--config-file", str(ROOT / "mkdocs.yml"), "--site-dir", str(folder)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


def test_the_site_needs_nothing_from_elsewhere(site):
    pages = list(site.rglob("*.html"))
    assert len(pages) > 25
    for page in pages:
        resources = Resources()
        resources.feed(page.read_text(encoding="utf-8"))
        outside = [each for each in resources.loaded if each and re.match(r"(\w+:)?//", each)]
        assert not outside, page
    for sheet in site.rglob("*.css"):
        assert not re.search(r"(url\(|@import )[\"']?(https?:)?//", sheet.read_text())


def test_the_reference_has_no_marks_of_sphinx(site):
    for page in (site / "reference").glob("*.html"):
        text = re.sub(r"<[^>]+>", "", page.read_text(encoding="utf-8"))
        assert not re.search(r":(class|func|meth):|\.\. math::", text), page.name


@pytest.mark.parametrize("name", ["index/Index.search", "search/Search", "eval/bench"])
def test_the_reference_has_what_docstrings_say(site, name):
    page, _, member = name.partition("/")
    text = (site / "reference" / f"{page}.html").read_text(encoding="utf-8")
    assert f'id="rarefy.{page}.{member}"' in text
    assert "Parameters:" in text


def test_the_reference_has_every_package():
    pytest.importorskip("mkdocs")
    pages = runpy.run_path(str(ROOT / "docs" / "pages.py"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    packages = set(project["tool"]["setuptools"]["packages"]) - {"rarefy.cli"}
    public = {name for name in packages if hasattr(importlib.import_module(name), "__all__")}
    assert public <= set(pages["PACKAGES"])
    navigation = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    for name in pages["PACKAGES"]:
        assert f"{name}: reference/{pages['file_of'](name)}\n" in navigation


def test_a_name_of_several_packages_is_documented_once(site):
    gathered = (site / "reference" / "eval-collections.html").read_text(encoding="utf-8")
    assert 'id="rarefy.eval.collections.Texts"' in gathered
    assert 'href="eval.html#rarefy.eval.Collection"' in gathered
    facade = (site / "reference" / "rarefy.html").read_text(encoding="utf-8")
    assert 'href="sparse.html#rarefy.sparse.load"' in facade


def test_the_reference_has_every_command(site):
    from rarefy.cli import app

    text = (site / "reference" / "commands.html").read_text(encoding="utf-8")
    for command in app.registered_commands:
        assert f'id="rarefy-{command.name}"' in text
    assert "..." not in re.search(r"Commands</strong>:.*?</ul>", text, re.DOTALL).group()
