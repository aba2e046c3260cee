"""The report in a real browser: its script, at two widths, light and dark, without network."""

from pathlib import Path

import pytest

pytest.importorskip("matplotlib")
pytest.importorskip("jinja2")

from rarefy.eval.report import write_report

HERE = Path(__file__).parent
WIDTHS = (1280, 390)


@pytest.fixture(scope="module")
def report(unchanged_results, tmp_path_factory):
    return write_report(unchanged_results, tmp_path_factory.mktemp("report"))


def column(browser, table, number):
    rows = f"[...document.querySelectorAll('#{table} tbody tr')].filter(row => !row.hidden)"
    return browser.run(f"{rows}.map(row => row.cells[{number}].textContent.trim())")


def click(browser, table, number):
    browser.run(f"document.querySelectorAll('#{table} thead th')[{number}].firstChild.click()")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_it_fits_its_window_and_needs_no_network(browser, report, tmp_path, width, scheme):
    browser.open(report, width=width, scheme=scheme)
    assert browser.run("document.documentElement.classList.contains('scripted')")
    assert browser.run("document.documentElement.scrollWidth") <= width
    colour = browser.run("getComputedStyle(document.body).backgroundColor")
    assert (max(map(int, colour[4:-1].split(", "))) < 64) == (scheme == "dark")
    assert browser.picture(tmp_path / "page.png").startswith(b"\x89PNG")
    asked = [
        event["params"]["request"]["url"]
        for event in browser.events
        if event.get("method") == "Network.requestWillBeSent"
    ]
    assert [address for address in asked if not address.startswith("data:")] == [report.as_uri()]
    complaints = ("Log.entryAdded", "Runtime.exceptionThrown", "Runtime.consoleAPICalled")
    assert not [event for event in browser.events if event.get("method") in complaints]


def test_every_text_can_be_told_from_what_is_behind_it(browser, report):
    """Contrast of at least 4.5, as WCAG 2.2 asks for, of all text outside of drawings."""
    program = (HERE / "contrast.js").read_text(encoding="utf-8")
    for scheme in ("light", "dark"):
        browser.open(report, width=1280, scheme=scheme)
        assert browser.run(program) == []


def test_a_click_on_a_header_sorts_and_another_one_turns_round(browser, report, unchanged_results):
    browser.open(report, width=1280, scheme="light")
    click(browser, "quality-table", 1)
    values = [float(text[:6]) for text in column(browser, "quality-table", 1)]
    assert values == sorted(values, reverse=True)
    assert len(values) == len(unchanged_results["systems"])
    click(browser, "quality-table", 1)
    assert [float(text[:6]) for text in column(browser, "quality-table", 1)] == values[::-1]
    sort = "document.querySelectorAll('#quality-table th')[1].getAttribute('aria-sort')"
    assert browser.run(sort) == "ascending"
    click(browser, "quality-table", 0)
    names = column(browser, "quality-table", 0)
    assert names == sorted(names)


def test_what_was_not_measured_is_sorted_last_either_way(browser, report):
    browser.open(report, width=1280, scheme="light")
    for _ in range(2):
        click(browser, "quality-table", 4)  # recall, which one system has
        assert column(browser, "quality-table", 4) == ["0.9700", "-", "-", "-", "-", "-", "-"]


def test_differences_are_shown_one_measure_at_a_time(browser, results, tmp_path):
    more = [{**row, "measure": "R@100"} for row in results["comparisons"]]
    results["comparisons"] += more
    browser.open(write_report(results, tmp_path), width=1280, scheme="light")
    assert set(column(browser, "differences-table", 2)) == {"nDCG@10"}
    browser.run(
        "(() => { const s = document.querySelector('#measure'); s.value = 'R@100';"
        "s.dispatchEvent(new Event('change')); })()"
    )
    assert set(column(browser, "differences-table", 2)) == {"R@100"}


def test_queries_are_listed_by_their_difference(browser, report):
    browser.open(report, width=1280, scheme="light")
    found = column(browser, "query-table", 6)
    sizes = [abs(float(text.replace("−", "-"))) for text in found]
    assert len(sizes) == 12
    assert sizes == sorted(sizes, reverse=True)
    heads = browser.run(
        "[...document.querySelectorAll('#query-table th[scope=col]')].map(h => h.textContent)"
    )
    assert heads[-3:] == ["minilm-d2s", "dense", "difference"]


def test_a_query_shows_both_rankings_with_texts_and_matched_terms(browser, report):
    browser.open(report, width=1280, scheme="light", fragment="#query=q1&a=bm25&b=dense")
    detail = "document.querySelector('#query-detail')"
    assert browser.run(f"{detail}.querySelector('h3').textContent") == "how do I invert a matrix?"
    cards = browser.run(f"[...{detail}.querySelectorAll('.card')].map(c => c.innerText)")
    assert [card.split()[0] for card in cards] == ["bm25", "dense"]
    assert "Invert a <b>square</b> matrix & return" in cards[0]
    assert "d0, 9.500 ✓ relevant" in cards[0]
    assert "not judged" in cards[0]
    assert "matrix 6.00" in cards[0]
    assert "matrix 6.00" not in cards[1]
    marked = browser.run(f"[...{detail}.querySelectorAll('mark')].map(m => m.textContent)")
    assert set(marked) == {"Invert", "matrix"}


def test_another_query_and_other_systems_can_be_chosen_and_linked_to(browser, report):
    browser.open(report, width=390, scheme="light")
    browser.run(
        "(() => { const s = document.querySelector('#system-a'); s.value = 'bm25+dense';"
        "s.dispatchEvent(new Event('change')); })()"
    )
    browser.run("document.querySelector('[data-query=q7] button').click()")
    assert browser.run("document.querySelector('#query-detail h3').textContent") == "question 7"
    assert browser.run("location.hash") == "#query=q7&a=bm25%2Bdense&b=dense"
    assert browser.run("document.querySelectorAll('.chosen').length") == 1
    browser.open(report, width=390, scheme="light", fragment="#query=q7&a=bm25%2Bdense&b=dense")
    assert browser.run("document.querySelector('#query-detail h3').textContent") == "question 7"
    assert browser.run("document.querySelector('#system-a').value") == "bm25+dense"


def test_queries_can_be_found_by_their_words(browser, report):
    browser.open(report, width=1280, scheme="light")
    browser.run(
        "(() => { const f = document.querySelector('#query-filter'); f.value = 'INVERT';"
        "f.dispatchEvent(new Event('input')); })()"
    )
    assert column(browser, "query-table", 0) == ["how do I invert a matrix?"]


def test_text_of_a_collection_cannot_run(browser, results, tmp_path):
    attack = "<img src=x onerror=\"document.title='run'\"><script>document.title='run'</script>"
    results["collection"]["name"] = attack
    results["examples"]["documents"]["d0"] = attack
    results["examples"]["queries"][0]["query"] = attack
    report = write_report(results, tmp_path)
    browser.open(report, width=1280, scheme="light", fragment="#query=q0&a=bm25&b=dense")
    assert browser.run("document.querySelector('#query-detail h3').textContent") == attack
    assert browser.run("document.querySelectorAll('img').length") == 0
    assert browser.run("document.title").startswith(attack)
