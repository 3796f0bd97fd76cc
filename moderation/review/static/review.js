// The review page. Everything the server is asked goes through one queue, in order; a word shows as stored once the
// server has said so. Nothing is fetched from elsewhere, and nothing of a text is ever made into code.
"use strict";

const MISSED = "Cannot reach the server. What you typed is kept; trying again";
const HIDDEN_WORDS = "words-off", SHOWN = "shown";
const csrf = meta("csrf"), reviewer = meta("reviewer"), unsentKey = `unsent ${reviewer}`;
const byId = (id) => document.getElementById(id);
const pause = (ms) => new Promise((go) => setTimeout(go, ms));

function meta(name) {
  return document.querySelector(`meta[name=${name}]`)?.content ?? "";
}

/* ---- what is kept by the browser: two switches, notes not sent yet, words not sent yet ---- */

function kept(store, name, value) {
  try {
    if (value === undefined) return store.getItem(name);
    if (value === null) store.removeItem(name);
    else store.setItem(name, value);
  } catch { /* a browser that keeps nothing */ }
  return null;
}

function keepSwitch(name, on) {
  document.documentElement.classList.toggle(name, on);
  kept(localStorage, name, on ? "1" : null);
}

/* ---- the row on the page ---- */

let chosen = null; // the label that the reviewer chose by its number
let typed = new Map(); // label -> word on its way to the server
let undoable = null; // what undo would take back, as the server named it

const row = () => document.querySelector("#item .text[data-row]");
const rowKey = (one = row()) => (one ? { row_id: one.dataset.row, date: one.dataset.date } : {});
const same = (one, other) => one?.row_id === other?.row_id && one?.date === other?.date;
const labels = () => [...document.querySelectorAll("#item .label")];
const wordOf = (button) => typed.get(button.dataset.label) ?? button.dataset.word;
const missing = () => labels().filter((one) => !wordOf(one));
const draftKey = () => `note ${reviewer} ${JSON.stringify(rowKey())}`;

function asked() {
  return labels().find((one) => one.dataset.label === chosen) ?? missing()[0] ?? (typed.size ? null : labels()[0]);
}

function mark() {
  const now = asked();
  for (const one of labels()) {
    const word = wordOf(one), waits = typed.has(one.dataset.label);
    if (one === now) one.setAttribute("aria-current", "true");
    else one.removeAttribute("aria-current");
    one.dataset.said = word;
    one.classList.toggle("waits", waits);
    one.querySelector(".word").textContent = waits ? `${word}, on its way` : word;
  }
  const line = now?.parentElement; // one line that scrolls, on a phone
  if (line) line.scrollLeft = now.offsetLeft - line.offsetLeft - 40;
  for (const one of document.querySelectorAll("#item .say[data-say]")) {
    one.setAttribute("aria-pressed", String(Boolean(now) && wordOf(now) === one.dataset.say));
    one.setAttribute("aria-label", now ? `${one.dataset.say}: ${now.querySelector(".what").textContent}` : one.dataset.say);
  }
  const rest = byId("say-rest"), words = byId("do-words");
  if (rest) rest.disabled = !missing().length;
  if (words) words.setAttribute("aria-pressed", String(!document.documentElement.classList.contains(HIDDEN_WORDS)));
  const draft = row() && kept(sessionStorage, draftKey());
  byId("do-note")?.classList.toggle("waits", Boolean(draft));
}

function say(message, trouble = false) {
  const line = byId("said");
  if (!line) return;
  if (line.textContent !== message) line.textContent = message;
  line.classList.toggle("trouble", trouble);
}

function show(html, unfold = false) {
  const next = document.createElement("template");
  next.innerHTML = html; // the server's own template, in which every text is escaped; scripts cannot run here
  const before = rowKey(), after = rowKey(next.content.querySelector(".text[data-row]"));
  const stays = row() && same(before, after), held = document.activeElement?.id, stage = byId("item");
  const uncovered = row()?.classList.contains(SHOWN);
  if (stays) {
    const text = next.content.querySelector(".text");
    if (uncovered || unfold) text.classList.add(SHOWN);
    if (text.outerHTML !== row().outerHTML) row().replaceWith(text);
    stage.querySelector(".dock").replaceWith(next.content.querySelector(".dock"));
  } else {
    stage.replaceChildren(next.content);
    typed = new Map();
    chosen = null;
    scrollTo(0, 0);
  }
  mark();
  if (held && document.activeElement?.id !== held) byId(held)?.focus({ preventScroll: true });
  return !stays;
}

function count(progress) {
  if (!progress) return;
  for (const one of document.querySelectorAll("[data-field]")) {
    const value = progress[one.dataset.field];
    if (typeof value === "number") one.textContent = one.dataset.field === "per_minute" ? Math.round(value) : value;
  }
  const bar = byId("done-bar"), live = byId("live");
  if (bar) { bar.max = progress.total; bar.value = progress.done; }
  if (live && typeof progress.html === "string" && live.dataset.html !== progress.html) {
    live.innerHTML = live.dataset.html = progress.html;
  }
  if ("undo" in progress) undoable = progress.undo;
}

/* ---- the queue of requests ---- */

const queue = [];
let sending = false;

function ask(path, body, about = {}) {
  queue.push({ path, body, ...about });
  keepUnsent();
  return drain();
}

function keepUnsent() { // a verdict that is on its way outlives a reload
  const verdicts = queue.filter((one) => one.path === "/review/verdict");
  kept(sessionStorage, unsentKey, verdicts.length ? JSON.stringify(verdicts) : null);
}

async function drain() {
  if (sending) return;
  busy(true);
  while (queue.length) {
    const one = queue[0], reply = await deliver(one);
    queue.shift();
    keepUnsent();
    accept(one, reply);
  }
  busy(false);
}

function busy(now) {
  sending = now;
  document.body.dataset.busy = now;
}

async function deliver(one) {
  for (let wait = 300; ; wait = Math.min(wait * 1.6, 4000)) {
    try {
      const body = typeof one.body === "function" ? one.body() : one.body;
      const answer = await fetch(one.path, {
        method: "POST", body: JSON.stringify(body), redirect: "error", signal: AbortSignal.timeout(15000),
        headers: { "Content-Type": "application/json", "X-CSRF-Token": csrf },
      });
      const reply = await answer.json();
      if (answer.ok) return reply;
      const error = reply.error || [reply.message, reply.hint].filter(Boolean).join(": ") || `error ${answer.status}`;
      if (![502, 503, 504].includes(answer.status)) return { ...reply, error, status: answer.status };
      say(`${error}. What you typed is kept; trying again …`, true);
    } catch {
      say(`${MISSED} …`, true);
    }
    await pause(wait);
  }
}

function accept(one, reply) {
  count(reply.progress);
  if (reply.error !== undefined) {
    refuse(one, reply);
    return;
  }
  if (one.note !== undefined) kept(sessionStorage, one.draft, null);
  const here = one.row === undefined || same(one.row, rowKey());
  for (const label of Object.keys(one.body?.verdicts ?? {})) {
    if (here && typed.get(label) === one.body.verdicts[label]) typed.delete(label);
  }
  const waiting = queue.some((other) => other.row && same(other.row, rowKey()));
  if (typeof reply.item === "string" && !(waiting && reply.row_id !== rowKey().row_id)) show(reply.item, one.unfold);
  say(reply.message || (one.row ? "stored" : ""));
}

function refuse(one, reply) {
  typed = new Map();
  mark();
  say(reply.status === 401 ? `${reply.error}: reload the page` : reply.error, true);
}

/* ---- what a reviewer does ---- */

function judge(verdicts) {
  const mine = rowKey(), note = kept(sessionStorage, draftKey()), draft = draftKey();
  const about = { row: mine, draft };
  const body = { ...mine, verdicts };
  if (note !== null) body.note = about.note = note;
  for (const [label, word] of Object.entries(verdicts)) typed.set(label, word);
  chosen = null;
  mark();
  ask("/review/verdict", body, about);
}

const does = {
  word(word) {
    const now = asked();
    if (!row()) return;
    if (!now) say("On its way to the server; the next text comes when this one is stored", document.querySelector("#said.trouble") !== null);
    else judge({ [now.dataset.label]: word });
  },
  rest() {
    const left = missing().map((one) => [one.dataset.label, "no"]);
    if (left.length) judge(Object.fromEntries(left));
  },
  choose(key) {
    const one = labels().find((label) => label.dataset.key === key);
    if (one) chosen = one.dataset.label;
    mark();
  },
  back() { ask("/review/back", () => rowKey()); },
  next() { ask("/review/next", () => rowKey()); },
  undo() { ask("/review/undo", () => ({ undo: undoable })); },
  reveal() { if (row()) ask("/review/reveal", () => rowKey(), { unfold: true }); },
  words() {
    keepSwitch(HIDDEN_WORDS, !document.documentElement.classList.contains(HIDDEN_WORDS));
    mark();
  },
  show() { row()?.classList.toggle(SHOWN); },
  help() { byId("help").showModal(); },
  note() {
    if (!row()) return;
    const before = document.querySelector("#item .kept bdi")?.textContent ?? "";
    byId("note-text").value = kept(sessionStorage, draftKey()) ?? before;
    byId("note").showModal();
  },
};

function keepNote() {
  if (!row()) return;
  kept(sessionStorage, draftKey(), byId("note-text").value);
  const said = labels().filter((one) => wordOf(one)).map((one) => [one.dataset.label, wordOf(one)]);
  if (said.length) judge(Object.fromEntries(said));
  else say("The note goes with your next word on this text");
  mark();
}

/* ---- keys, clicks ---- */

const KEYS = {
  y: () => does.word("yes"), n: () => does.word("no"), u: () => does.word("unsure"), N: () => does.rest(),
  ArrowLeft: does.back, ArrowRight: does.next, Enter: does.next, z: does.undo, m: does.note, r: does.reveal,
  w: does.words, "?": does.help,
};

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || document.querySelector("dialog[open]")) return;
  const on = event.target, button = on.closest?.("button, a, summary, select");
  if (on.closest?.("input, textarea, select") && on.type !== "checkbox") return;
  if (event.key === " ") {
    const open = row()?.classList.contains(SHOWN) || document.documentElement.classList.contains(SHOWN);
    if (button || on.type === "checkbox" || open || !row()) return;
    event.preventDefault();
    row().classList.add(SHOWN);
    return;
  }
  if (event.key === "Enter" && (button || on.type === "checkbox")) return;
  const key = event.key.length === 1 && !event.shiftKey ? event.key.toLowerCase() : event.key;
  const run = /^[1-9]$/.test(key) ? () => does.choose(key) : KEYS[key];
  if (!run) return;
  event.preventDefault();
  if (!event.repeat) run(); // a key that is held down is one verdict, not thirty
}

function onClick(event) {
  const one = event.target.closest("button[data-say], button[data-do], button[data-label]");
  if (!one) return;
  if (one.dataset.label) does.choose(one.dataset.key);
  else if (one.dataset.say) does.word(one.dataset.say);
  else does[one.dataset.do]();
  if (event.detail && !document.querySelector("dialog[open]")) document.activeElement?.blur(); // Space stays "show" after a click
}

/* ---- what goes on by itself ---- */

async function follow() { // the estimate, and driving words that were not ready when the text came
  for (;;) {
    await pause(2500);
    if (document.hidden || sending) continue;
    try {
      count(await fetched("/review/progress"));
      if (document.querySelector("#said.trouble") && byId("said").textContent.startsWith(MISSED)) say("The server is back");
      if (row()?.dataset.words === "computing") await words();
    } catch {
      if (!sending) say(`${MISSED} …`, true);
    }
  }
}

async function words() {
  const mine = rowKey(), reply = await fetched(`/review/item?${new URLSearchParams(mine)}`);
  if (!sending && same(mine, rowKey()) && same(mine, reply)) show(reply.item);
}

async function fetched(path) {
  const answer = await fetch(path, { headers: { Accept: "application/json" }, signal: AbortSignal.timeout(10000) });
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return answer.json();
}

async function drawing(line) {
  for (;;) {
    await pause(1000);
    try {
      const found = await fetched("/sample");
      line.textContent = found.line || "";
      if (!["waiting", "running", "drawing"].includes(found.state)) return location.reload();
    } catch {
      line.textContent = "Cannot reach the server; trying again …";
    }
  }
}

/* ---- begin ---- */

for (const name of [HIDDEN_WORDS, SHOWN]) if (kept(localStorage, name)) document.documentElement.classList.add(name);
const always = byId("always");
if (always) {
  always.checked = document.documentElement.classList.contains(SHOWN);
  always.addEventListener("change", () => keepSwitch(SHOWN, always.checked));
}
if (byId("drawing")) drawing(byId("drawing"));
if (byId("item")) {
  undoable = byId("item").dataset.undo || null;
  document.addEventListener("keydown", onKey);
  document.addEventListener("click", onClick);
  byId("note").addEventListener("submit", (event) => { if (event.submitter?.value === "keep") keepNote(); });
  byId("note-text").addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) event.target.form.requestSubmit(byId("note-keep"));
  });
  addEventListener("beforeunload", (event) => { if (queue.length) event.preventDefault(); });
  const wide = matchMedia("(min-width: 80rem)"), unfold = () => { byId("live-box").open = wide.matches; };
  wide.addEventListener("change", unfold);
  unfold();
  mark();
  for (const one of JSON.parse(kept(sessionStorage, unsentKey) || "[]")) {
    if (same(one.row, rowKey())) for (const [label, word] of Object.entries(one.body.verdicts)) typed.set(label, word);
    mark();
    ask(one.path, one.body, one);
  }
  follow();
}
