"""The page in a real browser: search, filter, reasons, keyboard, both themes, two widths."""

from pathlib import Path

import pytest

REPORT = Path(__file__).parents[1] / "report"
WIDTHS = (1280, 360)
FOUND = "document.querySelectorAll('#hits > li').length"
IDS = "[...document.querySelectorAll('#hits h3')].map(title => title.textContent)"


@pytest.fixture
def address(served):
    return f"http://127.0.0.1:{served.port}/"


def complaints(browser):
    kinds = ("Log.entryAdded", "Runtime.exceptionThrown", "Runtime.consoleAPICalled")
    return [event for event in browser.events if event.get("method") in kinds]


def focused(browser):
    return browser.run("document.activeElement.id || document.activeElement.tagName")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_it_fits_its_window_and_asks_nobody_else(browser, address, tmp_path, width, scheme):
    browser.open(address, width=width, scheme=scheme, fragment="#q=a+matrix+on+the+mat")
    browser.wait(f"{FOUND} === 3")
    browser.run("document.querySelector('details').open = true")
    assert browser.run("document.documentElement.scrollWidth") <= width
    colour = browser.run("getComputedStyle(document.body).backgroundColor")
    assert (max(map(int, colour[4:-1].split(", "))) < 64) == (scheme == "dark")
    low = browser.run((REPORT / "contrast.js").read_text(encoding="utf-8"))
    assert low == []
    assert browser.picture(tmp_path / "page.png").startswith(b"\x89PNG")
    asked = {
        event["params"]["request"]["url"].split("#")[0]
        for event in browser.events
        if event.get("method") == "Network.requestWillBeSent"
    }
    known = {address + path for path in ("", "page.css", "page.js", "stats", "search")}
    assert {each for each in asked if not each.startswith("data:")} == known
    assert not complaints(browser)


def test_it_searches_as_one_types_and_filters(browser, address):
    browser.open(address, width=1280, scheme="light")
    assert focused(browser) == "query"
    browser.write("cat")
    browser.wait(f"{FOUND} === 1")
    assert browser.run(IDS) == ["cat"]
    browser.write(" matrix")
    browser.wait(f"{FOUND} === 2")
    browser.run("document.querySelector('#fields button').click()")
    assert focused(browser) == "filter"
    assert browser.run("document.querySelector('#filter').value") == "year >= 0"
    browser.run("document.querySelector('#filter').value = ''")
    browser.write("year > 2019")
    browser.wait(f"{FOUND} === 1")
    assert browser.run(IDS) == ["matrix"]
    assert browser.run("location.hash") == "#q=cat+matrix&filter=year+%3E+2019"
    browser.write(" and")
    browser.wait("!document.querySelector('#problem').hidden")
    assert "filter" in browser.run("document.querySelector('#problem').textContent")


def test_it_shows_why(browser, address):
    browser.open(address, width=1280, scheme="light", fragment="#q=inverted+matrix")
    browser.wait(f"{FOUND} === 1")
    marked = browser.run("[...document.querySelectorAll('mark')].map(mark => mark.textContent)")
    assert marked == ["Matrix", "matrix", "inverted"]
    terms = "[...document.querySelectorAll('{} li')].map(li => li.firstChild.textContent)"
    assert set(browser.run(terms.format("#terms"))) == {"inverted", "matrix"}
    assert browser.run(terms.format("details .bars")) == ["matrix", "inverted"]
    widths = "[...document.querySelectorAll('details .bars li')].map(li => li.style.cssText)"
    first, second = (float(text.split()[1].strip(";")) for text in browser.run(widths))
    assert 0 < second < first == 1
    assert "encode" in browser.run("document.querySelector('#times').getAttribute('aria-label')")
    assert "1 document in" in browser.run("document.querySelector('#status').textContent")


def test_all_of_it_can_be_done_by_keyboard(browser, address):
    browser.open(address, width=360, scheme="dark", fragment="#q=cat+matrix+bread")
    browser.wait(f"{FOUND} === 3")
    item = "[...document.querySelectorAll('#hits > li')].indexOf(document.activeElement)"
    for key, expected in [("ArrowDown", 0), ("ArrowDown", 1), ("ArrowUp", 0)]:
        browser.press(key)
        assert browser.run(item) == expected
    browser.press("Enter")
    assert browser.run("document.activeElement.querySelector('details').open")
    browser.press("Escape")
    assert focused(browser) == "query"
    browser.press("ArrowDown")
    browser.press("/")
    assert focused(browser) == "query"
    assert browser.run("document.querySelector('#query').value") == "cat matrix bread"


def test_everything_has_a_label(browser, address):
    browser.open(address, width=1280, scheme="light", fragment="#q=cat")
    browser.wait(f"{FOUND} === 1")
    tree = browser.call("Accessibility.getFullAXTree")["nodes"]
    named = {"searchbox", "textbox", "combobox", "button", "heading", "image", "DisclosureTriangle"}
    nameless = [
        node
        for node in tree
        if not node.get("ignored")
        and node.get("role", {}).get("value") in named
        and not node.get("name", {}).get("value")
    ]
    assert not nameless
    roles = {node.get("role", {}).get("value") for node in tree}
    assert {"search", "main", "status", "searchbox"} <= roles


def test_a_key_is_asked_for_and_kept_for_the_session(browser, start):
    served = start(keys=["read " + "k" * 20])
    address = f"http://127.0.0.1:{served.port}/"
    browser.open(address, width=360, scheme="light", fragment="#q=cat")
    browser.wait("!document.querySelector('#unlock').hidden")
    browser.run("document.querySelector('#key').focus()")
    browser.write("k" * 20)
    browser.press("Enter")
    browser.wait(f"{FOUND} === 1")
    browser.open(address, width=360, scheme="light", fragment="#q=bread")
    browser.wait(f"{FOUND} === 1")
    assert browser.run("document.querySelector('#unlock').hidden")


def test_text_of_documents_cannot_run(browser, served, address):
    attack = "<img src=x onerror=\"document.title='run'\"><script>document.title='run'</script> cat"
    document = {"id": attack, "text": "😀 " + attack, "metadata": {"note": attack}}
    assert served.post("/documents", {"documents": [document]}).status == 200
    browser.open(address, width=1280, scheme="light", fragment="#q=cat&filter=note+is+not+null")
    browser.wait(f"{FOUND} === 1")
    assert browser.run("document.querySelector('.text').textContent") == "😀 " + attack
    assert browser.run("document.querySelector('mark').textContent") == "cat"
    assert browser.run("document.querySelectorAll('img').length") == 0
    assert browser.run("document.title") == "rarefy"
    # What is put into the page by other ways does not run either.
    script = "Object.assign(document.createElement('script'), {text: 'document.title = 1'})"
    browser.run(f"document.body.append({script})")
    assert browser.run("document.title") == "rarefy"


@pytest.mark.models
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_modes_are_shown_side_by_side(browser, served_modes, tmp_path, width, scheme):
    address = f"http://127.0.0.1:{served_modes.port}/"
    browser.open(address, width=width, scheme=scheme, fragment="#q=kitten+matrix&mode=all")
    browser.wait("document.querySelectorAll('.column').length === 4")
    titles = browser.run("[...document.querySelectorAll('.column h2')].map(t => t.textContent)")
    assert titles == ["Learned sparse", "BM25", "Dense", "Hybrid"]
    took = browser.run("[...document.querySelectorAll('.column > p')].map(p => p.textContent)")
    assert all("search" in text and "ms" in text for text in took)
    lists = "[...document.querySelectorAll('.column')].map(c => c.querySelectorAll('.hit').length)"
    learned, lexical, dense, hybrid = browser.run(lists)
    assert (lexical, dense, hybrid) == (2, 4, 4)
    assert learned >= 2
    assert browser.run("document.documentElement.scrollWidth") <= width
    assert browser.run((REPORT / "contrast.js").read_text(encoding="utf-8")) == []
    assert browser.picture(tmp_path / "modes.png").startswith(b"\x89PNG")
    assert not complaints(browser)


@pytest.mark.models
def test_latent_entries_are_shown_as_one(browser, served_modes):
    address = f"http://127.0.0.1:{served_modes.port}/"
    browser.open(address, width=360, scheme="light", fragment="#q=kitten")
    browser.wait(f"{FOUND} > 0")
    terms = browser.run("[...document.querySelectorAll('#terms li')].map(li => li.textContent)")
    assert not any("latent:" in term for term in terms)
    assert terms[-1] == "latent entries"
    found = served_modes.post("/search", {"text": "kitten", "k": 1, "explain": True}).content
    (hit,) = found["hits"]
    latent = [share for term, share in hit["terms"] if term.startswith("latent:")]
    shown = "[...document.querySelector('details').querySelectorAll('li.latent span')]"
    name, added = browser.run(f"{shown}.map(span => span.textContent)")
    assert name == f"{len(latent)} latent"
    assert float(added) == pytest.approx(sum(latent), rel=0.01)


@pytest.mark.models
def test_one_mode_is_chosen_and_linked_to(browser, served_modes):
    address = f"http://127.0.0.1:{served_modes.port}/"
    browser.open(address, width=360, scheme="light", fragment="#q=kitten")
    browser.wait(f"{FOUND} > 0")

    def choose(name):
        value = f"Object.assign(document.querySelector('#mode'), {{value: '{name}'}})"
        browser.run(f"{value}.dispatchEvent(new Event('change'))")

    choose("bm25")
    browser.wait(f"{FOUND} === 1")
    assert browser.run(IDS) == ["kitten"]
    assert browser.run("location.hash") == "#q=kitten&mode=bm25"
    choose("all")
    browser.wait("document.querySelectorAll('.column').length === 4")
    browser.run("document.querySelector('#query').focus()")
    browser.press("ArrowDown")
    browser.press("Enter")
    assert browser.run("document.activeElement.querySelector('details').open")
    choose("sparse")
    browser.wait("document.querySelector('#modes').hidden")
    assert browser.run("document.querySelectorAll('.column').length") == 0


def test_an_index_of_one_model_offers_no_modes(browser, address):
    browser.open(address, width=360, scheme="light", fragment="#q=cat&mode=all")
    browser.wait(f"{FOUND} === 1")
    assert browser.run("document.querySelector('#ranking').hidden")
