"use strict";

// Tables: a click on a header sorts by it, a second one turns the order round.
function sortKey(cell) {
  const given = cell.dataset.value ?? cell.textContent.trim();
  const number = Number(given);
  return given === "" || given === "-" ? null : Number.isNaN(number) ? given : number;
}

function compare(a, b) {
  if (a === null || b === null) return (a === null) - (b === null);
  return typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b));
}

function sortTable(table, column, falling) {
  const body = table.tBodies[0];
  const rows = [...body.rows].map((row) => [sortKey(row.cells[column]), row]);
  rows.sort(([a], [b]) => (a === null || b === null ? compare(a, b) : falling ? compare(b, a) : compare(a, b)));
  body.append(...rows.map(([, row]) => row));
  for (const header of table.tHead.rows[0].cells) header.removeAttribute("aria-sort");
  table.tHead.rows[0].cells[column].setAttribute("aria-sort", falling ? "descending" : "ascending");
}

function makeSortable(table) {
  for (const header of table.tHead.rows[0].cells) {
    const button = element("button", { type: "button" });
    button.append(...header.childNodes);
    header.append(button);
    button.addEventListener("click", () => {
      const column = header.cellIndex;
      const first = table.tBodies[0].rows[0]?.cells[column];
      const now = header.getAttribute("aria-sort");
      const falling = now ? now === "ascending" : first && typeof sortKey(first) === "number";
      sortTable(table, column, falling);
    });
  }
}

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

// Differences: one measure at a time.
function showMeasure(select) {
  for (const row of document.querySelectorAll("#differences-table tbody tr")) {
    row.hidden = row.dataset.measure !== select.value;
  }
}

// Queries: a list of them, and what two systems made of the one that is chosen.
class Queries {
  constructor(data) {
    this.data = data;
    this.kinds = new Map(data.systems.map((system) => [system.name, system.kind]));
    this.byId = new Map(data.queries.map((query) => [query.query_id, query]));
    this.table = document.querySelector("#query-table");
    this.detail = document.querySelector("#query-detail");
    this.selects = ["#system-a", "#system-b"].map((id) => document.querySelector(id));
    this.filter = document.querySelector("#query-filter");
    const asked = new URLSearchParams(location.hash.slice(1));
    this.selects.forEach((select, side) => {
      for (const system of data.systems) select.append(element("option", {}, system.name));
      const name = asked.get("ab"[side]);
      select.value = this.kinds.has(name) ? name : data.pair[side];
      select.addEventListener("change", () => this.list());
    });
    this.chosen = this.byId.get(asked.get("query"));
    this.filter.addEventListener("input", () => this.hide());
    this.list();
  }

  get names() {
    return this.selects.map((select) => select.value);
  }

  difference(query) {
    const [a, b] = this.names.map((name) => query.values[name]);
    return a === undefined || b === undefined ? undefined : a - b;
  }

  list() {
    const size = (query) => Math.abs(this.difference(query) ?? -1);
    const queries = [...this.data.queries].sort((x, y) => size(y) - size(x));
    this.table.tBodies[0].replaceChildren(...queries.map((query) => this.row(query)));
    for (const header of this.table.tHead.rows[0].cells) header.removeAttribute("aria-sort");
    const heads = this.table.tHead.rows[0].cells;
    this.names.forEach((name, side) => (heads[heads.length - 3 + side].firstChild.textContent = name));
    this.show(this.chosen ?? queries[0]);
    this.hide();
  }

  row(query) {
    const button = element("button", { type: "button" }, query.query);
    const row = element("tr", { "data-query": query.query_id }, element("th", { scope: "row" }, button));
    button.addEventListener("click", () => this.show(query));
    const numbers = [query.features.length, query.features.overlap, query.features.frequency];
    numbers.push(...this.names.map((name) => query.values[name]), this.difference(query));
    numbers.forEach((value, place) => {
      const text = value === undefined ? "-" : place === 0 ? String(value) : value.toFixed(3);
      const cell = element("td", { "data-value": value ?? "" }, place === 5 && value > 0 ? `+${text}` : text.replace("-0.", "−0.").replace("-1.", "−1."));
      if (place === 5 && value) cell.className = value > 0 ? "win" : "loss";
      row.append(cell);
    });
    return row;
  }

  hide() {
    const wanted = this.filter.value.toLowerCase();
    for (const row of this.table.tBodies[0].rows) {
      const query = this.byId.get(row.dataset.query);
      row.hidden = !`${query.query_id} ${query.query}`.toLowerCase().includes(wanted);
    }
  }

  show(query) {
    this.chosen = query;
    for (const row of this.table.tBodies[0].rows) {
      row.classList.toggle("chosen", row.dataset.query === query.query_id);
    }
    const relevant = element("ol", { class: "hits" });
    for (const [id, grade] of query.relevant) relevant.append(this.hit(query, { id, grade }));
    const summary = element("summary", {}, `Query ${query.query_id}, ${query.relevant.length} relevant shown`);
    this.detail.replaceChildren(
      element("h3", {}, query.query),
      element("details", {}, summary, relevant),
      element("div", { class: "grid" }, ...[...new Set(this.names)].map((name) => this.card(query, name))),
    );
    const place = new URLSearchParams({ query: query.query_id, a: this.names[0], b: this.names[1] });
    if (location.hash || this.started) history.replaceState(null, "", `#${place}`);
    this.started = true;
  }

  card(query, name) {
    const answer = query.systems[name] ?? { hits: [] };
    const value = query.values[name];
    const title = element("h3", {}, element("span", { class: `kind ${this.kinds.get(name)}` }), name);
    if (value !== undefined) title.append(" ", element("small", {}, `${this.data.measure} ${value.toFixed(3)}`));
    const card = element("div", { class: `card ${this.kinds.get(name)}` }, title);
    if (answer.terms) card.append(this.chips(answer.terms, "Terms of the query, with their weights"));
    const hits = element("ol", { class: "hits" });
    for (const hit of answer.hits) hits.append(this.hit(query, hit));
    if (!answer.hits.length) hits.append(element("li", { class: "empty" }, "Nothing found, or not kept."));
    card.append(hits);
    return card;
  }

  chips(terms, label) {
    const heaviest = Math.max(...terms.map(([, weight]) => weight), 1e-9);
    const list = element("ul", { class: "chips", "aria-label": label });
    for (const [term, weight] of terms) {
      const chip = element("li", {}, term, " ", element("span", {}, weight.toFixed(2)));
      chip.style.setProperty("--weight", Math.max(0, weight / heaviest).toFixed(3));
      list.append(chip);
    }
    return list;
  }

  hit(query, hit) {
    const item = element("li", {}, this.marked(query, this.data.documents[hit.id] ?? ""));
    const note = element("small", {}, hit.id);
    if (hit.score !== undefined) note.append(`, ${hit.score.toPrecision(4)}`);
    if (hit.grade > 0) {
      item.className = "relevant";
      note.append(" ", element("span", { class: "mark" }, `✓ relevant${hit.grade === 1 ? "" : ` (grade ${hit.grade})`}`));
    } else if (hit.grade === null) {
      note.append(", not judged");
    }
    item.append(note);
    if (hit.matched?.length) item.append(this.chips(hit.matched, "Matched terms, with what each adds to the score"));
    return item;
  }

  // The text of a document, words of the query marked.
  marked(query, text) {
    const words = new Set(query.query.toLowerCase().match(/[\p{L}\p{N}]{4,}/gu));
    const paragraph = element("p");
    for (const part of text.split(/([\p{L}\p{N}]+)/u)) {
      paragraph.append(words.has(part.toLowerCase()) ? element("mark", {}, part) : part);
    }
    return paragraph;
  }
}

for (const table of document.querySelectorAll("table.sortable")) makeSortable(table);
const measures = document.querySelector("#measure");
if (measures) {
  measures.addEventListener("change", () => showMeasure(measures));
  showMeasure(measures);
}
const queryData = document.querySelector("#query-data");
if (queryData) new Queries(JSON.parse(queryData.textContent));
document.documentElement.classList.add("scripted");
