// Finds text in all steps of a log, open or not; Enter goes on, Shift+Enter back.

import { plain } from "./ansi.js";

const MOST = 10000;
const PAUSE_MS = 150;

export class Search {
  constructor(element, steps) {
    this.steps = steps;
    this.field = element.querySelector("[data-search]");
    this.count = element.querySelector("[data-found]");
    this.found = [];
    this.at = -1;
    this.field.addEventListener("input", () => this.later());
    this.field.addEventListener("keydown", (event) => this.key(event));
  }

  later() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.look(), PAUSE_MS);
  }

  look() {
    const wanted = this.field.value.toLowerCase();
    this.found = [];
    this.at = -1;
    for (const step of wanted ? this.steps() : []) {
      step.lines.forEach((line, index) => {
        if (this.found.length < MOST && plain(line).toLowerCase().includes(wanted)) this.found.push([step, index + 1]);
      });
    }
    this.say();
  }

  // More was printed: count again, but stay where one was.
  refresh() {
    if (!this.field.value) return;
    const at = this.at;
    this.look();
    this.at = Math.min(at, this.found.length - 1);
    this.say();
  }

  key(event) {
    if (event.key === "Escape") {
      this.field.value = "";
      this.look();
      this.field.blur();
    } else if (event.key === "Enter") {
      event.preventDefault();
      clearTimeout(this.timer);
      if (this.at < 0) this.look();
      this.go(event.shiftKey ? -1 : 1);
    }
  }

  go(by) {
    if (!this.found.length) return;
    this.at = (this.at + by + this.found.length) % this.found.length;
    const [step, line] = this.found[this.at];
    step.show(line);
    this.say();
  }

  say() {
    const total = this.found.length === MOST ? `${MOST}+` : this.found.length;
    this.count.textContent = this.field.value ? `${this.at + 1} of ${total}` : "";
  }
}
