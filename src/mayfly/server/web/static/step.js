// One step of a log. Lines are kept as text; those of an open step are in the page, the last
// 20,000 of them, in blocks that the browser lays out only when they come into view.

import { paint } from "./ansi.js";
import { duration } from "./page.js";

const BLOCK = 500;
const MOST_BLOCKS = 40;
const MARKS = { success: "ok", failure: "fail", cancelled: "stop", skipped: "skip" };
const TONES = { success: "ok", failure: "fail", cancelled: "stop", skipped: "none" };
const FOLD = /^##\[group\](.*)$/;
const COMMAND = /^##\[(?:(command|debug|error|warning|notice|section|endgroup|group))\]/;

export class Step {
  constructor(number, parent) {
    this.number = number;
    this.lines = [];
    this.shown = 0; // lines in the page, and before
    this.first = 0; // the first line in the page
    this.touched = false;
    this.element = document.createElement("details");
    this.element.className = "step";
    this.element.id = `s${number + 1}`;
    this.head = document.createElement("summary");
    this.icon = icon("live", "live");
    this.name = document.createElement("span");
    this.name.className = "name";
    this.name.textContent = `step ${number + 1}`;
    this.why = document.createElement("span");
    this.why.className = "faint";
    this.took = document.createElement("span");
    this.took.className = "took";
    this.head.append(icon("chevron", "chevron"), this.icon, this.name, this.why, this.took);
    this.earlier = document.createElement("button");
    this.earlier.className = "earlier";
    this.earlier.type = "button";
    this.earlier.hidden = true;
    this.body = document.createElement("div");
    this.body.className = "lines";
    this.element.append(this.head, this.earlier, this.body);
    this.head.addEventListener("click", () => (this.touched = true));
    this.element.addEventListener("toggle", () => this.paint());
    this.earlier.addEventListener("click", () => this.from(this.first - BLOCK * 4));
    parent.append(this.element);
  }

  begin(name, at) {
    this.began = at;
    this.name.textContent = name;
    this.element.open = true;
    this.took.dataset.since = at;
  }

  add(lines) {
    for (const line of lines) this.lines.push(line);
  }

  finish({ at, conclusion, exit_code, reason }) {
    delete this.took.dataset.since;
    if (this.began) this.took.textContent = duration(at - this.began);
    const fresh = icon(MARKS[conclusion] ?? "ok", TONES[conclusion] ?? "ok", conclusion);
    this.icon.replaceWith(fresh);
    this.icon = fresh;
    this.why.textContent = conclusion === "failure" ? reason ?? (exit_code ? `exit code ${exit_code}` : "") : reason ?? "";
    if (!this.touched) this.element.open = conclusion === "failure";
  }

  retire() {
    this.element.removeAttribute("id");
    this.element.open = false;
    delete this.took.dataset.since;
  }

  // Bring the page to what is known; a closed step costs nothing.
  paint() {
    if (!this.element.open) return;
    if (!this.shown && !this.first) this.first = Math.max(0, this.lines.length - BLOCK * MOST_BLOCKS);
    this.shown = Math.max(this.shown, this.first);
    while (this.shown < this.lines.length) {
      let block = this.body.lastElementChild;
      if (!block || block.childElementCount >= BLOCK) {
        block = document.createElement("ol");
        this.body.append(block);
      }
      const room = BLOCK - block.childElementCount;
      const rows = this.lines.slice(this.shown, this.shown + room).map((line, index) => this.row(line, this.shown + index + 1));
      block.append(...rows);
      this.shown += rows.length;
    }
    while (this.body.childElementCount > MOST_BLOCKS + 1) {
      this.first += this.body.firstElementChild.childElementCount;
      this.body.firstElementChild.remove();
    }
    this.earlier.hidden = this.first === 0;
    this.earlier.textContent = `${this.first.toLocaleString("en")} earlier lines`;
  }

  row(line, number) {
    const row = document.createElement("li");
    row.id = `${this.element.id}-l${number}`;
    const address = document.createElement("a");
    address.href = `#${row.id}`;
    address.textContent = number;
    const text = document.createElement("span");
    const command = COMMAND.exec(line)?.[1];
    if (command) text.className = `cmd ${command}`;
    paint(text, FOLD.exec(line)?.[1] ?? (command ? line.replace(COMMAND, "") : line));
    row.append(address, text);
    row.hidden = command === "endgroup";
    return row;
  }

  // Lay the page out anew from an earlier line on.
  from(index) {
    this.first = Math.max(0, index);
    this.shown = this.first;
    this.body.replaceChildren();
    this.paintUpTo(this.first + BLOCK * MOST_BLOCKS);
  }

  paintUpTo(end) {
    const all = this.lines;
    this.lines = all.slice(0, end);
    this.paint();
    this.lines = all;
    this.paint();
  }

  // Scroll to a line, and say it is the one that is meant; 0 is the step itself.
  show(line) {
    this.element.open = true;
    this.touched = true;
    if (line && line <= this.first) this.from(line - BLOCK);
    this.paint();
    const row = line ? document.getElementById(`${this.element.id}-l${line}`) : this.head;
    document.querySelectorAll(".lines .meant").forEach((one) => one.classList.remove("meant"));
    if (line) row?.classList.add("meant");
    row?.scrollIntoView({ block: "center" });
  }
}

function icon(name, tone, word = "") {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  svg.setAttribute("class", `icon ${tone}`);
  if (word) {
    svg.setAttribute("role", "img");
    svg.setAttribute("aria-label", word);
  } else svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(space, "use");
  use.setAttribute("href", `#i-${name}`);
  svg.append(use);
  return svg;
}
