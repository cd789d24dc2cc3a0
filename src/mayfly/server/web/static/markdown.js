// Markdown of job summaries: headings, lists, tables, quotes, code, emphasis, links. It is built of
// elements and text nodes; HTML in it is text, and images are links.

const FENCE = /^ {0,3}(```+|~~~+)/;
const HEADING = /^ {0,3}(#{1,6})\s+(.*?)\s*#*$/;
const ITEM = /^(\s*)(?:[-*+]|\d{1,9}[.)])\s+(.*)$/;
const RULE = /^ {0,3}(?:-{3,}|\*{3,}|_{3,})\s*$/;
const DIVIDER = /^[\s|:-]*\|[\s|:-]*-[\s|:-]*$|^[\s|:-]*-[\s|:-]*\|[\s|:-]*$/;
// Every repetition is bounded: a summary must not keep the page busy.
const INLINE =
  /(`{1,4})([^`]{1,500}?)\1|!?\[([^\][]{0,300})\]\(([^()\s]{1,1000})(?:\s"[^"]{0,200}")?\)|\*\*([^*]{1,500})\*\*|__([^_]{1,500})__|\*([^*\s][^*]{0,500})\*|~~([^~]{1,500})~~|<(https?:\/\/[^>\s]{1,1000})>/;

export function markdown(text) {
  const lines = text.replace(/\r\n?/g, "\n").split("\n");
  const out = document.createDocumentFragment();
  let at = 0;
  while (at < lines.length) at = block(lines, at, out);
  return out;
}

function block(lines, at, out) {
  const line = lines[at];
  if (!line.trim()) return at + 1;
  const fence = FENCE.exec(line)?.[1];
  if (fence) {
    let end = at + 1;
    while (end < lines.length && !lines[end].trim().startsWith(fence)) end++;
    const code = make("code");
    code.textContent = lines.slice(at + 1, end).join("\n");
    out.append(make("pre", code));
    return end + 1;
  }
  const heading = HEADING.exec(line);
  if (heading) {
    out.append(inline(make(`h${Math.min(6, heading[1].length + 2)}`), heading[2]));
    return at + 1;
  }
  if (RULE.test(line)) {
    out.append(make("hr"));
    return at + 1;
  }
  if (line.includes("|") && DIVIDER.test(lines[at + 1] ?? "")) return table(lines, at, out);
  if (ITEM.test(line)) return list(lines, at, out);
  const quoted = line.startsWith(">");
  const end = while_(lines, at + 1, (one) => one.trim() && !ITEM.test(one) && !HEADING.test(one) && !FENCE.test(one));
  const words = lines.slice(at, end).map((one) => (quoted ? one.replace(/^>\s?/, "") : one));
  out.append(inline(make(quoted ? "blockquote" : "p"), words.join("\n")));
  return end;
}

function list(lines, at, out) {
  const ordered = /^\s*\d/.test(lines[at]);
  const made = make(ordered ? "ol" : "ul");
  const end = while_(lines, at, (one) => ITEM.test(one) || (/^\s{2,}\S/.test(one) && one.trim()));
  for (const one of lines.slice(at, end)) {
    const item = ITEM.exec(one);
    if (item) {
      const row = inline(make("li"), item[2]);
      row.dataset.depth = Math.min(4, Math.floor(item[1].length / 2));
      made.append(row);
    } else inline(made.lastElementChild, ` ${one.trim()}`);
  }
  out.append(made);
  return end;
}

function table(lines, at, out) {
  const end = while_(lines, at + 2, (one) => one.includes("|") && one.trim());
  const row = (line, kind) => {
    const cells = line.trim().replace(/^\||\|$/g, "").split("|");
    return make("tr", ...cells.map((cell) => inline(make(kind), cell.trim())));
  };
  const body = make("tbody", ...lines.slice(at + 2, end).map((line) => row(line, "td")));
  const made = make("div", make("table", make("thead", row(lines[at], "th")), body));
  made.className = "table";
  out.append(made);
  return end;
}

function inline(element, text) {
  let rest = text;
  for (let found = INLINE.exec(rest); found; found = INLINE.exec(rest)) {
    element.append(rest.slice(0, found.index));
    const [, , code, label, address, strong, strong2, soft, gone, bare] = found;
    if (code !== undefined) element.append(make("code", code));
    else if (address ?? bare) element.append(link(label ?? bare, address ?? bare));
    else if (strong ?? strong2) element.append(inline(make("strong"), strong ?? strong2));
    else if (soft) element.append(inline(make("em"), soft));
    else element.append(make("del", gone));
    rest = rest.slice(found.index + found[0].length);
  }
  element.append(rest);
  return element;
}

// Only to the web, and never with what this page knows.
function link(label, address) {
  if (!/^https?:\/\//i.test(address)) return document.createTextNode(label);
  const made = make("a", label || address);
  made.href = address;
  made.rel = "noopener noreferrer nofollow";
  return made;
}

function make(name, ...children) {
  const element = document.createElement(name);
  element.append(...children);
  return element;
}

function while_(lines, at, test) {
  let end = at;
  while (end < lines.length && test(lines[end])) end++;
  return end;
}
