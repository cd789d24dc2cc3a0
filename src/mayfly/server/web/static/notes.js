// What a job says beside its log: annotations, and its summary.

import { plain } from "./ansi.js";
import { markdown } from "./markdown.js";

const MOST = 200;
const LONGEST = 65536;

export class Notes {
  constructor(element) {
    this.element = element;
    this.list = element.querySelector("[data-annotations]");
    this.summary = element.querySelector("[data-summary]");
    this.text = "";
  }

  annotate({ step, level, message, title, file, line }) {
    if (this.list.childElementCount >= MOST) return;
    const note = document.createElement("li");
    note.className = `note ${["error", "warning"].includes(level) ? level : "notice"}`;
    const head = document.createElement("b");
    head.textContent = title ? plain(title) : level;
    const place = document.createElement("a");
    place.href = `#s${step + 1}`;
    place.textContent = file ? plain(line ? `${file}:${line}` : file) : `step ${step + 1}`;
    const body = document.createElement("p");
    body.textContent = message.split("\n").map(plain).join("\n");
    note.append(head, " ", place, body);
    this.list.append(note);
    this.element.hidden = this.list.parentElement.hidden = false;
  }

  summarise(text) {
    this.text = (this.text + text).slice(0, LONGEST);
    this.summary.replaceChildren(markdown(this.text));
    this.element.hidden = this.summary.parentElement.hidden = false;
  }
}
