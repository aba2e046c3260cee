import base64
import hashlib
import json
import math
import re
from html.parser import HTMLParser

import pytest

pytest.importorskip("matplotlib")
pytest.importorskip("jinja2")
pytest.importorskip("fastjsonschema")

from rarefy.errors import InputError
from rarefy.eval.report import render_html, write_report
from rarefy.eval.report.differences import differences

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
    assert [script.get("src") for script in page.all("script")] == [None, None]
    addresses = [a.get(key) for _, a in page.elements for key in ("src", "href", "xlink:href")]
    assert all(address.startswith(("#", "data:")) for address in addresses if address)
    assert "@import" not in text
    assert not re.search(r"url\((?!#)", text)


def test_its_policy_lets_its_own_script_run_and_no_other(results):
    text = render_html(results)
    (policy,) = (a["content"] for a in Page(text).all("meta") if "http-equiv" in a)
    (script,) = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert policy == (
        "default-src 'none'; style-src 'unsafe-inline'; "
        f"script-src 'sha256-{digest}'; img-src data:"
    )


def test_the_page_is_accessible(results):
    page = Page(render_html(results))
    assert page.all("html")[0]["lang"] == "en"
    assert {a["scope"] for a in page.all("th")} == {"row", "col"}
    images = [a for _, a in page.elements if a.get("role") == "img"]
    assert len(images) > 10
    assert all(image["aria-label"] for image in images)


def test_text_of_the_collection_is_escaped(results):
    attack = "</script><script>alert('x')</script>\"&"
    results["collection"]["name"] = attack
    example = results["examples"]["queries"][0]
    example["query"] = example["query_id"] = attack
    example["systems"]["bm25"]["terms"][0][0] = attack
    example["systems"]["bm25"]["hits"][0]["id"] = attack
    results["examples"]["documents"]["d1"] = attack
    for system in results["systems"]:
        if system["name"] == "dense":
            system["description"] = attack
    text = render_html(results)
    page = Page(text)
    assert len(page.all("script")) == 2
    assert page.text.count(attack) == 2  # the heading and the description; the title has more
    data = query_data_of(text)
    assert data["queries"][0]["query"] == data["documents"]["d1"] == attack


def query_data_of(text: str) -> dict:
    pattern = r'<script type="application/json" id="query-data">(.*?)</script>'
    (data,) = re.findall(pattern, text, re.DOTALL)
    return json.loads(data)


def test_queries_come_with_their_values_and_features(results):
    data = query_data_of(render_html(results))
    assert data["pair"] == ["minilm-d2s", "dense"]
    query = data["queries"][1]
    assert query["query"] == "how do I invert a matrix?"
    assert query["values"]["bm25"] == results["systems"][0]["per_query"]["nDCG@10"]["q1"]
    assert query["features"]["length"] == 3.0
    assert query["systems"]["bm25"]["hits"][0]["matched"] == [["matrix", 6.0], ["invert", 1.5]]


def test_significant_differences_are_marked(results):
    page = Page(render_html(results))
    rows = [a for a in page.all("tr") if "data-measure" in a]
    expected = [row["p_holm"] <= 0.05 for row in differences(results)]
    assert [row["class"] == "significant" for row in rows] == expected
    assert 0 < sum(expected) < len(expected)
    titles = [a["title"] for a in page.all("sup") if "title" in a]
    assert "significantly above a, b, c, d" in titles


def test_the_headline_names_the_best_and_the_fastest(results):
    def headline():
        return next(text for text in Page(render_html(results)).text if "ranks best" in text)

    best = results["systems"][5]["measures"]["nDCG@10"]
    ranks = f"bm25+minilm-d2s ranks best, with nDCG@10 {best:.4f}"
    assert headline() == f"{ranks}; bm25 searches fastest, in 96 µs."
    results["systems"][5]["search_us"]["p50"] = 12.0
    assert headline() == f"{ranks}, and searches fastest, in 12 µs."


def test_a_run_with_one_system_and_no_examples_renders(results):
    results["systems"] = results["systems"][:1]
    results |= {"comparisons": [], "examples": {"documents": {}, "queries": []}}
    text = render_html(results)
    assert "Wins and losses" not in text
    assert "Differences" not in Page(text).text
    assert "Queries" not in Page(text).text
    assert "ranks best" not in text


def test_a_run_without_costs_or_vectors_renders(results):
    kept = {"name", "kind", "description", "measures", "queries_without_results"}
    results["systems"] = [
        {key: value for key, value in system.items() if key in kept}
        for system in results["systems"]
    ]
    for key in ("protocol", "query_features"):
        del results[key]
    results["comparisons"] = []
    titles = {"Costs", "Quality against time and memory", "Terms in a vector", "By kind of query"}
    assert not titles & set(Page(render_html(results)).text)


def test_write_report_writes_its_files_and_returns_the_report(results, tmp_path):
    report = write_report(results, tmp_path / "new" / "out")
    assert report == tmp_path / "new" / "out" / "report.html"
    assert sorted(path.name for path in report.parent.iterdir()) == [
        "report.html",
        "results.json",
        "tables.md",
    ]
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
    assert len(list(tmp_path.iterdir())) == 3


def test_results_of_another_form_are_refused_before_anything_is_written(results, tmp_path):
    del results["environment"]
    with pytest.raises(InputError, match="environment"):
        write_report(results, tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_file_in_place_of_the_folder_is_refused(results, tmp_path):
    (tmp_path / "out").write_text("")
    with pytest.raises(InputError, match="a file stands in its place"):
        write_report(results, tmp_path / "out")
