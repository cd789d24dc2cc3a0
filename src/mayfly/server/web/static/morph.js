// Makes one element like another with the fewest changes, so that focus, selection, scrolling and
// what a person opened stay as they are. Children are matched by id, else by their place.

const KEPT = "open"; // what a person changed; what they typed is no attribute

export function morph(shown, wanted) {
  attributes(shown, wanted);
  children(shown, wanted);
}

function attributes(shown, wanted) {
  for (const { name, value } of [...wanted.attributes]) {
    if (name !== KEPT && shown.getAttribute(name) !== value) shown.setAttribute(name, value);
  }
  for (const { name } of [...shown.attributes]) {
    if (name !== KEPT && !wanted.hasAttribute(name)) shown.removeAttribute(name);
  }
}

function children(shown, wanted) {
  let place = shown.firstChild;
  for (const child of [...wanted.childNodes]) {
    const match = find(place, child);
    if (!match) {
      shown.insertBefore(document.importNode(child, true), place);
      continue;
    }
    if (match !== place) shown.insertBefore(match, place);
    else place = place.nextSibling;
    if (match.nodeType !== Node.ELEMENT_NODE) {
      if (match.data !== child.data) match.data = child.data;
    } else if (!match.dataset?.kept) morph(match, child);
  }
  while (place) {
    const rest = place.nextSibling;
    place.remove();
    place = rest;
  }
}

function find(place, child) {
  if (child.id) {
    for (let one = place; one; one = one.nextSibling) if (one.id === child.id && one.nodeName === child.nodeName) return one;
    return null;
  }
  return place && place.nodeName === child.nodeName && !place.id ? place : null;
}
