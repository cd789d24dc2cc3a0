// What a guest printed, made fit to be shown: it may colour itself and do nothing else. The text
// only ever becomes text nodes.

// A string sequence (title, link, clipboard), a control sequence, or a short escape.
const ESCAPE =
  /(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f]).*?(?:\x07|\x1b\\|\x9c|$)|(?:\x1b\[|\x9b)([0-?]*)[ -/]*([@-~])?|\x1b[ -/]*[0-~]?/gs;
const PLAIN = /^[ -~]*$/;
// Controls become their pictures; marks that turn text around become visible.
const CONTROL = /[\x00-\x08\x0a-\x1f\x7f]/g;
const TURNING = /[\x80-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;
const LEVELS = [0, 95, 135, 175, 215, 255];

// Without colours; what a carriage return overwrote is left out, as on a terminal.
export function plain(line) {
  return PLAIN.test(line) ? line : clean(last(line).replace(ESCAPE, ""));
}

// Into an element: spans where colours are, text elsewhere.
export function paint(element, line) {
  if (PLAIN.test(line)) {
    element.textContent = line;
    return;
  }
  const text = last(line);
  let style = {};
  let at = 0;
  for (const found of text.matchAll(ESCAPE)) {
    add(element, text.slice(at, found.index), style);
    at = found.index + found[0].length;
    if (found[2] === "m" && /^[0-9;:]{0,64}$/.test(found[1])) style = styled(style, found[1]);
  }
  add(element, text.slice(at), style);
}

function last(line) {
  const whole = line.replace(/\r+$/, "");
  return whole.slice(whole.lastIndexOf("\r") + 1);
}

function clean(text) {
  return text
    .replace(CONTROL, (sign) => (sign === "\x7f" ? "\u2421" : String.fromCharCode(0x2400 + sign.charCodeAt(0))))
    .replace(TURNING, "\ufffd");
}

function add(element, text, style) {
  if (!text) return;
  const shown = document.createTextNode(clean(text));
  if (!Object.keys(style).length) {
    element.append(shown);
    return;
  }
  const span = document.createElement("span");
  for (const name of ["bold", "dim", "italic", "under"]) if (style[name]) span.classList.add(name);
  colour(span, style.inverse ? style.back ?? "inverse" : style.fore, "color", "f");
  colour(span, style.inverse ? style.fore ?? "inverse" : style.back, "backgroundColor", "b");
  span.append(shown);
  element.append(span);
}

function colour(span, value, property, prefix) {
  if (value === undefined) return;
  if (typeof value === "number" || value === "inverse") span.classList.add(prefix + value);
  else span.style[property] = `rgb(${value.join(" ")})`;
}

function styled(style, parameters) {
  const codes = parameters.split(/[;:]/).map(Number);
  const next = { ...style };
  for (let index = 0; index < codes.length; index++) {
    const code = codes[index];
    if (code === 0) for (const name of Object.keys(next)) delete next[name];
    else if (code === 1) next.bold = true;
    else if (code === 2) next.dim = true;
    else if (code === 3) next.italic = true;
    else if (code === 4) next.under = true;
    else if (code === 7) next.inverse = true;
    else if (code === 22) delete next.bold, delete next.dim;
    else if (code === 23) delete next.italic;
    else if (code === 24) delete next.under;
    else if (code === 27) delete next.inverse;
    else if (code === 39) delete next.fore;
    else if (code === 49) delete next.back;
    else if (code === 38 || code === 48) {
      const [value, used] = extended(codes, index + 1);
      if (value !== undefined) next[code === 38 ? "fore" : "back"] = value;
      index += used;
    } else if (code >= 30 && code <= 37) next.fore = code - 30;
    else if (code >= 40 && code <= 47) next.back = code - 40;
    else if (code >= 90 && code <= 97) next.fore = code - 90;
    else if (code >= 100 && code <= 107) next.back = code - 100;
  }
  return next;
}

// 5;n of a table of 256, or 2;r;g;b.
function extended(codes, index) {
  const part = (number) => Math.min(255, Math.max(0, number || 0));
  if (codes[index] === 2) return [codes.slice(index + 1, index + 4).map(part), 4];
  if (codes[index] !== 5) return [undefined, 1];
  const number = part(codes[index + 1]);
  if (number < 16) return [number % 8, 2];
  if (number >= 232) return [Array(3).fill(8 + 10 * (number - 232)), 2];
  const cube = number - 16;
  return [[LEVELS[Math.floor(cube / 36)], LEVELS[Math.floor(cube / 6) % 6], LEVELS[cube % 6]], 2];
}
