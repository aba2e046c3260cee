import pytest

from rarefy.errors import InputError
from rarefy.eval.report import format_table
from rarefy.eval.report.table import best, columns, primary_measure


def test_text_is_aligned_and_has_a_row_for_each_system(results):
    caption, empty, _, header, rule, *rows = format_table(results).splitlines()
    assert "5,183 documents, 120 queries" in caption
    assert "7 queries without judgements" in caption
    assert empty == "bm25: 2 queries without results, counted as 0"
    assert {len(line) for line in (header, rule, *rows)} == {len(header)}
    assert [row.split()[0] for row in rows] == [s["name"] for s in results["systems"]]
    assert header.split()[:4] == ["system", "nDCG@10", "R@100", "RR@10"]


def test_figures_are_those_of_the_results(results):
    row = format_table(results).splitlines()[-6].split()
    bm25 = results["systems"][0]
    assert row[:4] == ["bm25", f"{bm25['measures']['nDCG@10']:.4f}", "0.8600", "0.6100"]
    assert row[4:] == ["96", "230", "5,100", "1,200", "4.29", "0.31", "88.0", "9.0", "3.21"]


def test_a_figure_that_is_missing_is_a_dash_and_a_column_without_figures_is_left_out(results):
    for system in results["systems"]:
        system["flops"] = None
        system["search_us"] = None
    lines = format_table(results).splitlines()
    assert "FLOPS" not in lines[3]
    assert "p50" not in lines[3]
    dense = lines[6].split()
    assert dense[0] == "dense"
    assert dense[4] == "-"


def test_markdown_marks_the_best_figures(results):
    header, rule, *rows = format_table(results, style="markdown").splitlines()
    assert header.startswith("| system ")
    assert set(rule) == set("|-: ")
    assert {row.count("|") for row in (header, rule, *rows)} == {header.count("|")}
    bold = {row.split("|")[1].strip() for row in rows if "**" in row}
    assert bold == {"bm25", "bm25+dense"}
    assert "**96**" in rows[0]


def test_nothing_is_best_where_all_are_equal_or_neither_way_is_better(results):
    found = {column.header: best(column, results) for column in columns(results)}
    assert found["R@100"] == "0.9100"
    assert found["p50 µs"] == "96"
    assert found["build s"] is None
    assert found["doc nnz"] is None


def test_nothing_is_best_where_the_difference_is_not_printed(results):
    for number, system in enumerate(results["systems"]):
        system["build_s"] = 0.5 + number * 1e-5
    (build,) = (column for column in columns(results) if column.header == "build s")
    assert best(build, results) is None


def test_the_primary_measure_leads_the_columns(results):
    assert primary_measure(results) == "nDCG@10"
    for system in results["systems"]:
        del system["measures"]["nDCG@10"]
    assert primary_measure(results) == "R@100"
    assert columns(results)[0].header == "R@100"


def test_a_run_without_systems_has_a_table_without_rows(results):
    results["systems"] = []
    assert format_table(results).splitlines()[-2].strip() == "system"


def test_an_unknown_style_is_refused(results):
    with pytest.raises(InputError, match="'latex'"):
        format_table(results, style="latex")
