"use strict";

const WAIT = 120; // milliseconds without a key before a search
const SHOWN = 16; // terms of a hit
const KEY = "rarefy-api-key";
const NAMES = { sparse: "Learned sparse", bm25: "BM25", dense: "Dense", hybrid: "Hybrid" };
const ALL = "all"; // side by side
const PICTURE = /^data:image\/(bmp|gif|jpeg|png|webp);base64,/;
const CARDS = "#hits > li, #modes li.hit";

const at = (id) => document.getElementById(id);
const [query, filter, k, mode, hits] = ["query", "filter", "k", "mode", "hits"].map(at);
let modes = []; // that are served

// Texts of documents become text nodes: nothing of them is ever read as HTML.
function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

async function ask(path, body, signal) {
  const headers = { "Content-Type": "application/json" };
  const key = sessionStorage.getItem(KEY);
  if (key) headers.Authorization = `Bearer ${key}`;
  const options = body ? { method: "POST", body: JSON.stringify(body) } : {};
  const answer = await fetch(path, { ...options, headers, signal });
  const content = await answer.json();
  if (answer.ok) return content;
  at("unlock").hidden = answer.status !== 401;
  throw new Error(answer.status === 401 ? "This server asks for an API key." : content.error.message);
}

function complain(message) {
  at("problem").hidden = !message;
  at("problem").textContent = message ?? "";
}

const number = (value) => (value >= 100 ? value.toFixed(0) : value.toPrecision(3));

// Bars of terms; what is longest fills its place.
function bars(terms) {
  const most = Math.max(...terms.map(([, weight]) => weight), Number.MIN_VALUE);
  return terms.map(([term, weight, latent]) => {
    const item = element("li", {}, element("span", {}, term), element("span", {}, number(weight)));
    item.classList.toggle("latent", Boolean(latent));
    item.style.setProperty("--share", weight / most);
    return item;
  });
}

// Latent entries have no words: what they add to a score is said of all of them together.
const isLatent = ([term]) => term.startsWith("latent:");
const isNamed = (entry) => !isLatent(entry);
function gathered(terms) {
  const latent = terms.filter(isLatent);
  if (!latent.length) return terms;
  const added = latent.reduce((sum, [, share]) => sum + share, 0);
  const together = [`${latent.length} latent`, added, true];
  return [...terms.filter(isNamed), together].sort((one, other) => other[1] - one[1]);
}

// Places count characters; a character may be two units of JavaScript's strings.
function marked(text, places) {
  const characters = Array.from(text);
  const paragraph = element("p", { class: "text" });
  let end = 0;
  for (const [from, to] of places) {
    paragraph.append(characters.slice(end, from).join(""));
    paragraph.append(element("mark", {}, characters.slice(from, to).join("")));
    end = to;
  }
  paragraph.append(characters.slice(end).join(""));
  return paragraph;
}

function card(hit) {
  const title = element("h3", {}, hit.id);
  const score = element("span", { class: "score" }, `score ${number(hit.score)}`);
  const head = element("div", { class: "head" }, title, score);
  const item = element("li", { tabindex: "-1", class: "hit" }, head);
  if (PICTURE.test(hit.text)) item.append(element("img", { src: hit.text, alt: "", width: 96 }));
  else if (hit.text) item.append(marked(hit.text, hit.highlights));
  const known = Object.entries(hit.metadata ?? {}).filter(([, value]) => value !== null);
  if (known.length) {
    const list = known.map(([name, value]) => element("li", {}, `${name}: ${[value].flat().join(", ")}`));
    item.append(element("ul", { class: "fields", "aria-label": "Fields" }, ...list));
  }
  if (!hit.terms.length) return item; // of a dense vector
  const terms = gathered(hit.terms);
  const more = terms.length > SHOWN ? `, the ${SHOWN} heaviest` : "";
  const why = element("summary", {}, `Why: ${hit.terms.length} shared term${hit.terms.length > 1 ? "s" : ""}${more}`);
  const list = element("ul", { class: "bars" }, ...bars(terms.slice(0, SHOWN)));
  item.append(element("details", {}, why, list));
  return item;
}

function times(parts) {
  const total = Object.values(parts).reduce((sum, part) => sum + part, 0) || 1;
  const named = Object.entries(parts).map(([name, part]) => `${name} ${number(part)} ms`);
  at("times").setAttribute("aria-label", `Time: ${named.join(", ")}`);
  at("times").replaceChildren(
    ...Object.entries(parts).map(([name, part]) => {
      const bar = element("span", { class: name });
      bar.style.setProperty("--share", part / total);
      return bar;
    }),
  );
  at("parts").replaceChildren(
    ...Object.keys(parts).map((name, i) => element("li", { class: name }, named[i])),
  );
}

function show(answer, milliseconds) {
  const { encode, search } = answer.milliseconds;
  const found = answer.hits.length;
  at("status").textContent = found
    ? `${found} document${found > 1 ? "s" : ""} in ${number(milliseconds)} ms`
    : "No document shares a term with the query.";
  at("modes").replaceChildren();
  times({ encode, search, rest: Math.max(0, milliseconds - encode - search) });
  at("terms").replaceChildren(...bars(answer.terms.filter(isNamed)));
  if (answer.terms.some(isLatent)) at("terms").append(element("li", { class: "latent" }, "latent entries"));
  hits.replaceChildren(...answer.hits.map(card));
  at("summary").hidden = false;
  at("weights").hidden = !answer.terms.length;
  at("modes").hidden = true;
}

// What each mode finds, beside one another, and how long its search took.
function compare(names, answers, milliseconds) {
  const columns = names.map((name, i) => {
    const { encode, search } = answers[i].milliseconds;
    const title = element("h2", {}, NAMES[name] ?? name);
    const took = element("p", { class: "quiet" }, `search ${number(search)} ms, encode ${number(encode)} ms`);
    const found = element("ol", { class: "cards" }, ...answers[i].hits.map(card));
    const none = element("p", { class: "quiet" }, "No document shares a term with the query.");
    const column = element("section", { class: "column" }, title, took);
    column.append(answers[i].hits.length ? found : none);
    return column;
  });
  at("status").textContent = `${names.length} rankings in ${number(milliseconds)} ms`;
  times(Object.fromEntries(names.map((name, i) => [name, answers[i].milliseconds.search])));
  hits.replaceChildren();
  at("modes").replaceChildren(...columns);
  at("summary").hidden = at("modes").hidden = false;
  at("weights").hidden = true;
}

function clear() {
  at("summary").hidden = at("weights").hidden = true;
  at("modes").hidden = true;
  at("modes").replaceChildren();
  hits.replaceChildren();
}

let running;
async function search() {
  running?.abort();
  const controller = (running = new AbortController());
  const state = new URLSearchParams();
  if (query.value) state.set("q", query.value);
  if (filter.value) state.set("filter", filter.value);
  if (mode.value && mode.value !== modes[0]) state.set("mode", mode.value);
  history.replaceState(null, "", `#${state}`);
  complain();
  if (!query.value.trim()) return clear();
  const body = { text: query.value, k: Number(k.value), explain: true };
  if (filter.value.trim()) body.filter = filter.value;
  const began = performance.now();
  try {
    const names = mode.value === ALL ? modes : [mode.value];
    const bodies = names.map((name) => (name ? { ...body, mode: name } : body));
    const answers = await Promise.all(bodies.map((each) => ask("search", each, controller.signal)));
    const took = performance.now() - began;
    if (mode.value === ALL) compare(names, answers, took);
    else show(answers[0], took);
  } catch (error) {
    if (error.name !== "AbortError") complain(error.message);
  }
}

let timer;
function soon() {
  clearTimeout(timer);
  timer = setTimeout(search, WAIT);
}

function move(step) {
  const cards = [...document.querySelectorAll(CARDS)];
  const next = cards.indexOf(document.activeElement?.closest(CARDS)) + step;
  if (next < 0) query.focus();
  else cards[Math.min(next, cards.length - 1)]?.focus();
}

// The operator and value that a filter on a field of each type may start with.
const EXAMPLES = {
  int: ">= 0", float: ">= 0", str: "== ''", bool: "== true", datetime: ">= '2024-01-01'",
};
const example = (name, type) => (type === "list of str" ? `'' in ${name}` : `${name} ${EXAMPLES[type]}`);

async function introduce() {
  const served = await ask("stats");
  const count = served.documents.toLocaleString("en");
  at("served").textContent = `${count} documents, ${served.model ?? "no model"}`;
  modes = served.modes;
  at("ranking").hidden = modes.length < 2;
  const option = (value, name) => element("option", { value }, name);
  const options = modes.map((name) => option(name, NAMES[name] ?? name));
  if (modes.length > 1) mode.replaceChildren(...options, option(ALL, "all, side by side"));
  const asked = new URLSearchParams(location.hash.slice(1)).get("mode");
  if (asked === ALL || modes.includes(asked)) mode.value = asked;
  const fields = Object.entries(served.fields).filter(([name]) => name !== "text");
  at("fields").hidden = !fields.length;
  at("fields").replaceChildren(
    "Fields: ",
    ...fields.map(([name, type]) => {
      const button = element("button", { type: "button", title: `Filter by ${name}` }, `${name} (${type})`);
      button.addEventListener("click", () => {
        filter.value = `${filter.value.trim() ? `${filter.value.trim()} and ` : ""}${example(name, type)}`;
        filter.focus();
        soon();
      });
      return button;
    }),
  );
  if (!served.model) complain("This index was built from vectors: name a --model to search it by text.");
}

async function begin() {
  try {
    await introduce();
    await search();
  } catch (error) {
    complain(error.message);
  }
}

query.addEventListener("input", soon);
filter.addEventListener("input", soon);
k.addEventListener("change", search);
mode.addEventListener("change", search);
at("form").addEventListener("submit", (event) => {
  event.preventDefault();
  clearTimeout(timer);
  if (at("unlock").hidden) return search();
  sessionStorage.setItem(KEY, at("key").value);
  at("unlock").hidden = true;
  complain();
  begin();
});
document.addEventListener("keydown", (event) => {
  const { key, target } = event;
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const item = target.closest?.(CARDS);
  const typing = target.matches("input, select, textarea");
  if (key === "/" && !typing) query.focus();
  else if (key === "Escape" && item) query.focus();
  else if (key === "ArrowDown" && (item || target === query)) move(1);
  else if (key === "ArrowUp" && item) move(-1);
  else if (key === "Enter" && target === item) item.querySelector("details")?.toggleAttribute("open");
  else return;
  event.preventDefault();
});

const state = new URLSearchParams(location.hash.slice(1));
query.value = state.get("q") ?? "";
filter.value = state.get("filter") ?? "";
begin();
