// What pages need of scripts: parts that stay live, times that go on, two shortcuts, a question
// before what cannot be undone. All else is links and forms. See docs/decisions/0014.

import { morph } from "./morph.js";

const GAP_MS = 400;
const TICK_MS = 1000;
const WORDS = [[60, 1, "s"], [3600, 60, "min"], [86400, 3600, "h"], [5184000, 86400, "d"]];

// Elements `<div id="…" data-live="/live/fleet">` are made anew from the page's address whenever
// that stream says so, or another script (`mayfly:changed`). Streams are closed while nobody looks.
class Live {
  constructor(elements) {
    this.ids = elements.map((element) => element.id);
    this.addresses = [...new Set(elements.map((element) => element.dataset.live))].filter(Boolean);
    this.streams = [];
    this.asking = false;
    this.again = false;
    document.addEventListener("visibilitychange", () => (document.hidden ? this.close() : this.open()));
    document.addEventListener("mayfly:changed", () => this.refresh());
    this.open();
  }

  open() {
    if (this.streams.length) return;
    this.streams = this.addresses.map((address) => {
      const stream = new EventSource(address);
      stream.addEventListener("open", () => pulse(true));
      stream.addEventListener("error", () => pulse(false));
      stream.addEventListener("changed", () => this.refresh());
      return stream;
    });
  }

  close() {
    this.streams.forEach((stream) => stream.close());
    this.streams = [];
  }

  async refresh() {
    this.again = this.asking;
    if (this.asking) return;
    this.asking = true;
    try {
      const answer = await fetch(location.href, { headers: { "X-Part": "live" } });
      if (answer.redirected || answer.status === 401) location.reload();
      else if (answer.ok) this.show(await answer.text());
    } catch {
      pulse(false); // the stream connects again by itself, and then news come
    }
    setTimeout(() => {
      this.asking = false;
      if (this.again) this.refresh();
    }, GAP_MS);
  }

  show(html) {
    const found = new DOMParser().parseFromString(html, "text/html");
    for (const id of this.ids) {
      const [shown, wanted] = [document.getElementById(id), found.getElementById(id)];
      if (shown && wanted) morph(shown, wanted);
    }
    tick();
  }
}

function pulse(on) {
  const sign = document.querySelector("[data-pulse]");
  if (!sign) return;
  sign.hidden = false;
  sign.classList.toggle("off", !on);
  sign.textContent = on ? "live" : "connecting";
}

// The same words as server/web/views/words.py.
export function duration(seconds) {
  if (seconds < 9.95) return `${Math.max(0, seconds).toFixed(1)}s`;
  const whole = Math.round(seconds);
  const two = (number) => String(number).padStart(2, "0");
  if (whole < 60) return `${whole}s`;
  if (whole < 3600) return `${Math.floor(whole / 60)}m ${two(whole % 60)}s`;
  if (whole < 86400) return `${Math.floor(whole / 3600)}h ${two(Math.floor((whole % 3600) / 60))}m`;
  return `${Math.floor(whole / 86400)}d ${Math.floor((whole % 86400) / 3600)}h`;
}

function ago(seconds) {
  const passed = Math.abs(seconds);
  if (passed < 5) return "now";
  const [, unit, name] = WORDS.find(([limit]) => passed < limit) ?? [0, 2592000, "months"];
  const words = `${Math.floor(passed / unit)} ${name}`;
  return seconds > 0 ? `${words} ago` : `in ${words}`;
}

function tick() {
  const now = Date.now() / 1000 + skew;
  for (const one of document.querySelectorAll("[data-ago]")) put(one, ago(now - one.dataset.ago));
  for (const one of document.querySelectorAll("[data-since]")) put(one, duration(now - one.dataset.since));
}

function put(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

// "/" goes to the search field, j and k from row to row.
function shortcut(event) {
  const typing = event.target.closest?.("input, textarea, select, [contenteditable]");
  if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "/") {
    const field = document.querySelector("[data-search]");
    if (field) {
      event.preventDefault();
      field.focus();
    }
  } else if (event.key === "j" || event.key === "k") {
    const links = [...document.querySelectorAll("[data-row] .title")];
    const here = links.indexOf(document.activeElement);
    const next = event.key === "j" ? here + 1 : here - 1;
    links[Math.min(Math.max(next, 0), links.length - 1)]?.focus();
  }
}

function confirmed(event) {
  const question = event.submitter?.dataset.confirm ?? event.target.dataset.confirm;
  if (question && !window.confirm(question)) event.preventDefault();
}

// Clocks of people's machines may be off: times count by the server's.
const said = Number(document.documentElement.dataset.now);
const skew = said ? said - Date.now() / 1000 : 0;

document.addEventListener("keydown", shortcut);
document.addEventListener("submit", confirmed);
document.addEventListener("change", (event) => event.target.closest("[data-submit]")?.form.requestSubmit());
const live = [...document.querySelectorAll("[data-live]")];
if (live.length) new Live(live);
setInterval(tick, TICK_MS);
