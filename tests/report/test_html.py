import json
import math
import re
from html.parser import HTMLParser

import pytest

pytest.importorskip("matplotlib")
pytest.importorskip("jinja2")

from rarefy.errors import InputError
from rarefy.eval.report import render_html, write_report

VOID = {"meta", "link", "br", "img", "hr", "input"}


class Page(HTMLParser):
    """Elements, attributes and text; raises where tags do not match."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict]] = []
        self.text: list[str] = []
        self.feed(page)
        assert not self.open

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data.strip())

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


def test_the_page_is_well_formed_and_ids_are_unique(results):
    page = Page(render_html(results))
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    labels = {a["aria-labelledby"] for _, a in page.elements if "aria-labelledby" in a}
    assert labels <= set(ids)


def test_the_page_requests_nothing(results):
    text = render_html(results)
    page = Page(text)
    assert not page.all("script")
    addresses = [a.get(key) for _, a in page.elements for key in ("src", "href", "xlink:href")]
    assert all(address.startswith(("#", "data:")) for address in addresses if address)
    assert "@import" not in text
    assert not re.search(r"url\((?!#)", text)


def test_the_page_is_accessible(results):
    page = Page(render_html(results))
    assert page.all("html")[0]["lang"] == "en"
    assert {a["scope"] for a in page.all("th")} == {"row", "col"}
    images = [a for _, a in page.elements if a.get("role") == "img"]
    assert len(images) > 10
    assert all(image["aria-label"] for image in images)


def test_text_of_the_collection_is_escaped(results):
    attack = "<script>alert('x')</script>\"&"
    results["collection"]["name"] = attack
    example = results["examples"][0]
    example["query"] = example["query_id"] = attack
    example["relevant"][0]["text"] = attack
    example["systems"]["bm25"]["terms"][0][0] = attack
    example["systems"]["bm25"]["hits"][0]["text"] = attack
    example["systems"]["bm25"]["hits"][0]["id"] = attack
    for system in results["systems"]:
        if system["name"] == "dense":
            system["description"] = attack
    page = Page(render_html(results))
    assert not page.all("script")
    assert page.text.count(attack) >= 7


def test_relevant_hits_are_marked_and_unjudged_ones_are_not(results):
    hits = results["examples"][0]["systems"]
    results["examples"][0]["relevant"] = []
    results["examples"][0]["systems"] = {"dense": hits["dense"]}
    page = Page(render_html(results))
    assert len([a for a in page.all("li") if a.get("class") == "relevant"]) == 1
    assert "✓ relevant" in page.text


def test_the_headline_names_the_best_and_the_fastest(results):
    def headline():
        return next(text for text in Page(render_html(results)).text if "ranks best" in text)

    best = results["systems"][4]["measures"]["nDCG@10"]
    ranks = f"bm25+dense ranks best, with nDCG@10 {best:.4f}"
    assert headline() == f"{ranks}; bm25 searches fastest, in 96 µs."
    results["systems"][4]["search_us"]["p50"] = 12.0
    assert headline() == f"{ranks}, and searches fastest, in 12 µs."


def test_terms_are_weighted_by_the_heaviest(results):
    chips = [a["style"] for a in Page(render_html(results)).all("li") if "style" in a]
    assert chips[:3] == ["--weight: 1.000", "--weight: 0.500", "--weight: 0.333"]


def test_a_run_with_one_system_and_no_examples_renders(results):
    results["systems"] = results["systems"][:1]
    results["examples"] = []
    text = render_html(results)
    assert "Wins and losses" not in text
    assert "ranks best" not in text


def test_write_report_writes_both_files_and_returns_the_report(results, tmp_path):
    report = write_report(results, tmp_path / "new" / "out")
    assert report == tmp_path / "new" / "out" / "report.html"
    assert sorted(path.name for path in report.parent.iterdir()) == ["report.html", "results.json"]
    content = (report.parent / "results.json").read_text()
    assert json.loads(content) == results
    assert list(json.loads(content)) == sorted(results)


def test_a_figure_that_is_not_finite_is_refused_and_leaves_the_old_files(results, tmp_path):
    write_report(results, tmp_path)
    before = (tmp_path / "results.json").read_bytes()
    results["systems"][0]["build_s"] = math.nan
    with pytest.raises(InputError, match="nan"):
        write_report(results, tmp_path)
    assert (tmp_path / "results.json").read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 2


def test_a_file_in_place_of_the_folder_is_refused(results, tmp_path):
    (tmp_path / "out").write_text("")
    with pytest.raises(InputError, match="a file stands in its place"):
        write_report(results, tmp_path / "out")
