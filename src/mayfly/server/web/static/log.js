// The log of a job, as it is told by /api/v1/jobs/<job>/log: steps that open and close, numbered
// lines with addresses, search, and an end that is followed. A broken connection goes on where it
// broke off: each entry has a number, and one that was seen is not taken again.

import { Step } from "./step.js";
import { Search } from "./search.js";
import { Notes } from "./notes.js";

const AGAIN_MS = [500, 1000, 2000, 5000, 10000];
const NEAR_END = 80;

class Log {
  constructor(element) {
    this.element = element;
    this.address = element.dataset.log;
    this.steps = element.querySelector("[data-steps]");
    this.status = element.querySelector("[data-status]");
    this.follow = element.querySelector("[data-follow]");
    this.byNumber = new Map();
    this.seen = 0;
    this.tries = 0;
    this.over = false;
    this.dirty = false;
    this.wanted = location.hash;
    this.notes = new Notes(document.querySelector("[data-notes]"));
    this.search = new Search(element, () => [...this.byNumber.values()]);
    this.follow.checked = element.dataset.running !== undefined && !this.wanted;
    document.addEventListener("visibilitychange", () => (document.hidden ? this.close() : this.open()));
    window.addEventListener("hashchange", () => this.show(location.hash));
    window.addEventListener("wheel", (event) => event.deltaY < 0 && this.leave(), { passive: true });
    window.addEventListener("touchmove", () => this.leave(), { passive: true });
    window.addEventListener("scroll", () => this.arrive(), { passive: true });
    this.follow.addEventListener("change", () => this.toEnd());
    this.open();
  }

  open() {
    if (this.stream || this.over) return;
    this.stream = new EventSource(`${this.address}?after=${this.seen || ""}`);
    this.stream.addEventListener("open", () => this.say("live"));
    this.stream.addEventListener("message", (message) => this.take(message));
    this.stream.addEventListener("end", () => this.end());
    this.stream.addEventListener("error", () => this.broken());
  }

  close() {
    this.stream?.close();
    this.stream = null;
  }

  end() {
    this.over = true;
    this.close();
    this.say("complete");
    this.changed();
  }

  broken() {
    this.close();
    this.say("connecting again");
    const wait = AGAIN_MS[Math.min(this.tries++, AGAIN_MS.length - 1)];
    setTimeout(() => document.hidden || this.open(), wait);
  }

  say(word) {
    this.status.textContent = word;
    this.status.dataset.status = word;
  }

  take(message) {
    const number = Number(message.lastEventId);
    if (number <= this.seen) return;
    this.seen = number;
    this.tries = 0;
    const { type, body } = JSON.parse(message.data).event;
    this[`on${type}`]?.(body);
    if (!this.dirty) {
      this.dirty = true;
      requestAnimationFrame(() => this.paint());
    }
  }

  onStepStarted({ step, name, at }) {
    if (this.byNumber.get(step)?.began) this.another();
    this.step(step).begin(name, at);
  }

  onLogLines({ step, lines }) {
    this.step(step).add(lines);
  }

  onStepFinished(body) {
    this.step(body.step).finish(body);
  }

  onAnnotated(body) {
    this.notes.annotate(body);
  }

  onSummarised({ markdown }) {
    this.notes.summarise(markdown);
  }

  onPreparing({ subject, stage, done }) {
    this.element.querySelector("[data-preparing]").textContent = done ? "" : `${subject}: ${stage}`;
  }

  onJobChanged() {
    this.element.querySelector("[data-preparing]").textContent = "";
    this.changed();
  }

  // The job was given to another host: what the lost one said stays, under a line.
  another() {
    for (const step of this.byNumber.values()) step.retire();
    this.byNumber.clear();
    const line = document.createElement("p");
    line.className = "again";
    line.textContent = "Another attempt";
    this.steps.append(line);
  }

  step(number) {
    let step = this.byNumber.get(number);
    if (!step) {
      step = new Step(number, this.steps);
      this.byNumber.set(number, step);
    }
    return step;
  }

  changed() {
    document.dispatchEvent(new CustomEvent("mayfly:changed"));
  }

  paint() {
    this.dirty = false;
    for (const step of this.byNumber.values()) step.paint();
    this.search.refresh();
    if (this.wanted && this.show(this.wanted)) this.wanted = "";
    if (this.follow.checked) this.toEnd();
  }

  // `#s2-l15`: line 15 of step 2. Says whether it is there.
  show(hash) {
    const [, number, line] = /^#s(\d+)(?:-l(\d+))?$/.exec(hash) ?? [];
    const step = this.byNumber.get(Number(number) - 1);
    if (!step || Number(line ?? 0) > step.lines.length) return false;
    this.leave();
    step.show(Number(line ?? 0));
    return true;
  }

  toEnd() {
    if (this.follow.checked) window.scrollTo({ top: this.element.getBoundingClientRect().bottom + window.scrollY - window.innerHeight + 24 });
  }

  leave() {
    this.follow.checked = false;
  }

  arrive() {
    const left = this.element.getBoundingClientRect().bottom - window.innerHeight;
    if (!this.over && left < NEAR_END && left > -NEAR_END) this.follow.checked = true;
  }
}

document.querySelectorAll("[data-log]").forEach((element) => new Log(element));
