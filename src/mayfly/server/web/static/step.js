// One step of a log. Lines are kept as text; those of an open step are in the page, the last
// 20,000 of them, in blocks that the browser lays out only when they come into view.

import { paint } from "./ansi.js";
import { duration } from "./page.js";

const BLOCK = 500;
const MOST = 20000;
const MARKS = { success: "ok", failure: "fail", cancelled: "stop", skipped: "skip" };
const TONES = { success: "ok", failure: "fail", cancelled: "stop", skipped: "none" };
const FOLD = /^##\[group\](.*)$/;
const COMMAND = /^##\[(?:(command|debug|error|warning|notice|section|endgroup|group))\]/;

export class Step {
  constructor(number, parent) {
    this.number = number;
    this.lines = [];
    this.first = 0; // the lines in the page are those from this one
    this.shown = -1; // up to before this one; -1 before any was
    this.pinned = false; // they are earlier ones, and do not move on
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
    this.earlier = button(() => this.from(this.first - MOST / 2, true));
    this.later = button(() => this.from(this.lines.length - MOST, false));
    this.body = document.createElement("div");
    this.body.className = "lines";
    this.element.append(this.head, this.earlier, this.body, this.later);
    this.head.addEventListener("click", () => (this.touched = true));
    this.element.addEventListener("toggle", () => this.paint());
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
    if (this.shown < 0) this.first = this.shown = Math.max(0, this.lines.length - MOST);
    const end = this.pinned ? Math.min(this.lines.length, this.first + MOST) : this.lines.length;
    while (this.shown < end) {
      let block = this.body.lastElementChild;
      if (!block || block.childElementCount >= BLOCK) {
        block = document.createElement("ol");
        this.body.append(block);
      }
      const until = Math.min(end, this.shown + BLOCK - block.childElementCount);
      const rows = [];
      for (; this.shown < until; this.shown++) rows.push(this.row(this.lines[this.shown], this.shown + 1));
      block.append(...rows);
    }
    while (!this.pinned && this.shown - this.first > MOST + BLOCK) {
      this.first += this.body.firstElementChild.childElementCount;
      this.body.firstElementChild.remove();
    }
    this.say(this.earlier, this.first, "earlier");
    this.say(this.later, this.lines.length - this.shown, "later");
  }

  say(button, count, word) {
    button.hidden = !count;
    button.textContent = `${count.toLocaleString("en")} ${word} lines`;
  }

  // Show a part from a line on that stays where it is, or the end again.
  from(index, pinned) {
    this.pinned = pinned;
    this.first = this.shown = Math.max(0, index);
    this.body.replaceChildren();
    this.paint();
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

  // Scroll to a line, and say it is the one that is meant; 0 is the step itself.
  show(line) {
    this.element.open = true;
    this.touched = true;
    this.paint();
    if (line && (line <= this.first || line > this.shown)) this.from(line - 1 - BLOCK, true);
    const row = line ? document.getElementById(`${this.element.id}-l${line}`) : this.head;
    document.querySelectorAll(".lines .meant").forEach((one) => one.classList.remove("meant"));
    if (line) row?.classList.add("meant");
    row?.scrollIntoView({ block: "center" });
  }
}

function button(action) {
  const made = document.createElement("button");
  made.className = "earlier";
  made.type = "button";
  made.hidden = true;
  made.textContent = "more lines";
  made.addEventListener("click", action);
  return made;
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
