import re
import xml.etree.ElementTree as ElementTree

import pytest

pytest.importorskip("matplotlib")

from rarefy.eval.report import (
    nnz_histogram,
    quality_against_bytes,
    quality_against_latency,
    wins_and_losses,
)
from rarefy.eval.report.labels import overlap

SVG = "{http://www.w3.org/2000/svg}"


def texts(svg: str) -> list[str]:
    return ["".join(text.itertext()) for text in ElementTree.fromstring(svg).iter(f"{SVG}text")]


def test_every_system_is_labelled_once_and_coloured_by_kind(results):
    svg = quality_against_latency(results)
    assert [t for t in texts(svg) if t in {s["name"] for s in results["systems"]}] == [
        system["name"] for system in results["systems"]
    ]
    for kind in ("sparse", "dense", "lexical", "hybrid"):
        assert f"var(--{kind})" in svg
    assert "fe01" not in svg


def test_labels_do_not_overlap_even_where_points_coincide(results, monkeypatch):
    from matplotlib.figure import Figure

    for system in results["systems"]:
        system["measures"]["nDCG@10"] = 0.5
        system["search_us"] = {"mean": 100, "p50": 100, "p99": 100}
    figures = []
    draw = Figure.savefig
    monkeypatch.setattr(
        Figure, "savefig", lambda self, *a, **k: (figures.append(self), draw(self, *a, **k))[1]
    )
    quality_against_latency(results)
    (figure,) = figures
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    renderer = FigureCanvasAgg(figure).get_renderer()
    boxes = [text.get_window_extent(renderer) for text in figure.axes[0].texts]
    assert len(boxes) == len(results["systems"])
    for number, box in enumerate(boxes):
        assert overlap(box, boxes[:number]) == 0
        assert figure.axes[0].bbox.x0 <= box.x0 <= box.x1 <= figure.axes[0].bbox.x1


@pytest.mark.parametrize("side", ["document", "query"])
def test_histograms_have_a_row_for_each_system_with_vectors(results, side):
    words = texts(nnz_histogram(results, side))
    assert [w for w in words if w in ("bm25", "splade-tiny", "minilm-d2s", "dense")] == [
        "bm25",
        "splade-tiny",
        "minilm-d2s",
    ]
    assert f"terms in a {side}" in words
    assert f"mean {results['systems'][2][f'{side}_nnz']:.1f}" in words


def test_dominated_approximations_are_grey_and_without_a_name(results):
    svg = quality_against_latency(results)
    assert "dense:hnsw" in texts(svg)
    results["systems"][-1]["dominated"] = True
    grey = quality_against_latency(results)
    assert "dense:hnsw" not in texts(grey)
    assert "splade-tiny" in texts(grey), "a system of its own keeps its name"
    assert grey.count("var(--muted)") > svg.count("var(--muted)")


def test_memory_is_an_axis_too(results):
    for number, system in enumerate(results["systems"], 1):
        system["index_bytes"] = number * 2**21
    words = texts(quality_against_bytes(results))
    assert "memory that a search needs" in words
    assert "10 MiB" in words
    assert {system["name"] for system in results["systems"]} <= set(words)


def test_many_queries_are_drawn_as_a_few_hundred_bars(results):
    size = len(wins_and_losses(results, "bm25", "dense"))
    for system in results["systems"]:
        values = system["per_query"]["nDCG@10"]
        system["per_query"]["nDCG@10"] = {f"q{n}": v for n, v in enumerate([*values.values()] * 50)}
    assert len(wins_and_losses(results, "bm25", "dense")) < 3 * size


def test_a_drawing_is_deterministic_light_and_free_of_requests(results):
    svg = wins_and_losses(results, "bm25", "dense")
    assert svg == wins_and_losses(results, "bm25", "dense")
    assert not re.search(r'(href|src)="(?!#)|url\((?!#)|<metadata|@import', svg)
    root = ElementTree.fromstring(svg)
    assert "width" not in root.attrib
    assert "viewBox" in root.attrib
    ids = [element.get("id") for element in root.iter() if element.get("id")]
    assert all(name.startswith("pair-bm25-dense-") for name in ids)


def test_names_are_not_read_as_mathematics_or_markup(results):
    results["systems"][2]["name"] = "$\\bad{<script>"
    assert "$\\bad{<script>" in texts(quality_against_latency(results))
    assert "$\\bad{<script>" in texts(nnz_histogram(results, "query"))


def test_runs_without_points_or_queries_still_draw(results):
    for system in results["systems"]:
        system["search_us"] = system["nnz_histogram"] = None
        system["per_query"] = {"nDCG@10": {}}
    for svg in (
        quality_against_latency(results),
        nnz_histogram(results, "query"),
        wins_and_losses(results, "bm25", "dense"),
    ):
        assert ElementTree.fromstring(svg).tag == f"{SVG}svg"
