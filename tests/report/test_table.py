import pytest

from rarefy.errors import InputError
from rarefy.eval.report import format_table, format_tables
from rarefy.eval.report.columns import best, columns, cost_columns, primary_measure


def blocks(results) -> list[list[str]]:
    return [block.splitlines() for block in format_table(results).split("\n\n")]


def test_text_has_quality_then_differences_then_costs(results):
    caption, quality, _, about, differences, costs = blocks(results)
    assert "5,183 documents, 120 queries" in caption[0]
    assert "7 queries without judgements" in caption[0]
    assert caption[1] == "bm25: 2 queries without results, counted as 0"
    assert quality[0].split()[:4] == ["system", "nDCG@10", "R@100", "RR@10"]
    assert about[0].startswith("Differences in nDCG@10: 95% bootstrap intervals")
    assert differences[0].split()[:3] == ["system", "against", "difference"]
    assert costs[0].split()[:3] == ["system", "p50", "µs"]
    for table in (quality, costs):
        assert len(table) == 2 + len(results["systems"])
        assert {len(line) for line in table} == {len(table[0])}
        assert max(map(len, table)) <= 120


def test_figures_are_those_of_the_results(results):
    _, quality, *_, costs = blocks(results)
    bm25 = results["systems"][0]
    value = f"{bm25['measures']['nDCG@10']:.4f}"
    assert quality[2].split() == ["a", "bm25", value, "c", "0.8600", "0.6100", "-", "0.250"]
    assert costs[2].split()[2:] == ["96", "230", "5,100", "4.29", "0.31", "88.0", "9.0", "3.21"]


def test_letters_name_what_a_system_is_significantly_above(results):
    """The made-up figures have bm25+minilm-d2s above bm25, dense, splade-tiny and minilm-d2s."""
    _, quality, *_ = blocks(results)
    assert quality[7].split()[:4] == ["f", "bm25+minilm-d2s", "0.6655", "abcd"]
    assert quality[8].split()[0] == "dense:hnsw", "approximations have no letter"
    markdown = format_table(results, style="markdown").splitlines()
    assert "| bm25+minilm-d2s <sup>f</sup> | **0.6655** <sup>abcd</sup> |" in markdown[7]


def test_differences_have_intervals_and_corrected_p_values(results):
    differences = blocks(results)[4]
    row = next(line for line in differences if line.startswith("bm25+minilm-d2s  minilm-d2s"))
    (known,) = (
        found
        for found in results["comparisons"]
        if (found["system"], found["baseline"]) == ("bm25+minilm-d2s", "minilm-d2s")
    )
    low, high = known["interval"]
    assert row.split() == [
        "bm25+minilm-d2s",
        "minilm-d2s",
        f"{known['difference']:+.4f}",
        f"{low:+.4f}",
        "to",
        f"{high:+.4f}",
        f"{known['p_holm']:.4f}",
        *(str(known[key]) for key in ("wins", "ties", "losses")),
    ]


def test_a_figure_that_is_missing_is_a_dash_and_a_column_without_figures_is_left_out(results):
    for system in results["systems"]:
        system["flops"] = None
        system["search_us"] = None
    costs = blocks(results)[-1]
    assert "FLOPS" not in costs[0]
    assert "p50" not in costs[0]
    assert costs[3].split()[:3] == ["b", "dense", "-"]


def test_results_without_comparisons_have_neither_letters_nor_differences(results):
    del results["comparisons"]
    for system in results["systems"]:
        del system["per_query"]
    text = format_table(results)
    assert "Differences" not in text
    assert text.splitlines()[5].startswith("bm25 ")
    assert "<sup>" not in format_table(results, style="markdown")


def test_markdown_marks_the_best_figures(results):
    header, rule, *rows = format_table(results, style="markdown").splitlines()
    assert header.startswith("| system ")
    assert set(rule) == set("|-: ")
    assert {row.count("|") for row in (header, rule, *rows)} == {header.count("|")}
    bold = {row.split("|")[1].split("<")[0].strip() for row in rows if "**" in row}
    assert bold == {"bm25", "bm25+dense", "bm25+minilm-d2s"}
    assert "**96**" in rows[0]


def test_all_tables_are_one_markdown_text(results):
    text = format_tables(results)
    titles = [line for line in text.splitlines() if line.startswith("#")]
    assert titles == [
        "# made-up",
        "## Quality",
        "## Differences",
        "### nDCG@10",
        "## nDCG@10 by length",
        "## nDCG@10 by overlap",
        "## nDCG@10 by frequency",
        "## Costs",
    ]
    for block in text.split("\n\n"):
        if block.startswith("|"):
            assert len({line.replace("\\|", "").count("|") for line in block.splitlines()}) == 1


def test_a_bar_in_a_name_stays_in_its_cell(results):
    results["systems"][0]["name"] = "a|b"
    assert "| a\\|b " in format_table(results, style="markdown")


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


def test_every_cost_is_a_column(results):
    results["systems"][0] |= {
        "queries_per_s": {"one_core": 10.0, "all_cores": 20.0},
        "cold_start_ms": 1.5,
        "disk_bytes": 2**20,
        "document_flops": 4.0,
        "postings": {"mean": 5.0, "p50": 5.0, "p99": 5.0},
    }
    found = {column.header: column.text(results["systems"][0]) for column in cost_columns(results)}
    assert found["q/s, all"] == "20"
    assert found["cold ms"] == "1.5"
    assert found["disk MiB"] == "1.00"
    assert found["doc FLOPS"] == "4.00"
    assert found["postings"] == "5"


def test_the_primary_measure_leads_the_columns(results):
    assert primary_measure(results) == "nDCG@10"
    for system in results["systems"]:
        del system["measures"]["nDCG@10"]
    assert primary_measure(results) == "R@100"
    assert columns(results)[0].header == "R@100"


def test_a_run_without_systems_has_a_table_without_rows(results):
    results |= {"systems": [], "comparisons": []}
    assert format_table(results).splitlines()[-2].strip() == "system"


def test_an_unknown_style_is_refused(results):
    with pytest.raises(InputError, match="'latex'"):
        format_table(results, style="latex")
