/**
 * Makes the children of `from` like those of `to` with as few changes as it takes, so that focus, selection, scrolling and
 * what a person typed stay. Elements are told apart by `id` or `data-key`. An open dialog, and what a script draws
 * (`data-keep`), is left as it is; so is a form that a person is in the middle of, if it knows which state it shows
 * (`data-if-match`).
 */
export function morph(from, to) {
  const keyed = new Map();
  for (const child of from.children) if (keyOf(child)) keyed.set(keyOf(child), child);
  let at = from.firstChild;
  for (const wanted of [...to.childNodes]) {
    const match = keyOf(wanted) ? keyed.get(keyOf(wanted)) : like(at, wanted);
    if (!match || match.nodeName !== wanted.nodeName) {
      from.insertBefore(document.importNode(wanted, true), at);
      continue;
    }
    if (match === at) at = at.nextSibling;
    else move(from, match, at);
    update(match, wanted);
  }
  while (at) {
    const next = at.nextSibling;
    if (!(at instanceof HTMLDialogElement && at.open)) at.remove();
    at = next;
  }
}

function keyOf(node) {
  return node.id || node.dataset?.key || '';
}

/** The child at the cursor if it may become the wanted one: of the same kind, and not somebody else by key. */
function like(at, wanted) {
  return at && at.nodeName === wanted.nodeName && !keyOf(at) ? at : null;
}

function move(parent, node, before) {
  // moveBefore keeps the focus (DOM, 4.2.3); where there is none it is given back.
  if (parent.moveBefore) return parent.moveBefore(node, before);
  const focused = node.contains(document.activeElement) ? document.activeElement : null;
  parent.insertBefore(node, before);
  focused?.focus();
}

function update(node, wanted) {
  if (!(node instanceof Element)) {
    if (node.nodeValue !== wanted.nodeValue) node.nodeValue = wanted.nodeValue;
    return;
  }
  if (node.hasAttribute('data-keep') || (node instanceof HTMLDialogElement && node.open)) return;
  if (node instanceof HTMLFormElement && node.dataset.ifMatch && [...node.elements].some(isChanged)) return;
  const changed = isChanged(node);
  for (const { name } of [...node.attributes]) {
    if (!wanted.hasAttribute(name) && !isTheBrowsers(node, name)) node.removeAttribute(name);
  }
  for (const { name, value } of wanted.attributes) {
    if (node.getAttribute(name) !== value && !isTheBrowsers(node, name)) node.setAttribute(name, value);
  }
  if (changed) return;
  if (node instanceof HTMLInputElement) {
    if (node.value !== wanted.value) node.value = wanted.value;
    if (node.checked !== wanted.checked) node.checked = wanted.checked;
  } else if (node instanceof HTMLTextAreaElement) {
    if (node.value !== wanted.value) node.value = wanted.value;
  } else {
    morph(node, wanted);
  }
}

/** Whether a person opened or closed it. */
function isTheBrowsers(node, name) {
  return name === 'open' && (node instanceof HTMLDetailsElement || node instanceof HTMLDialogElement);
}

/** Whether a person changed a field, or is at it. */
function isChanged(node) {
  if (
    !(
      node instanceof HTMLInputElement ||
      node instanceof HTMLTextAreaElement ||
      node instanceof HTMLSelectElement
    )
  ) {
    return false;
  }
  if (node === document.activeElement) return true;
  if (node instanceof HTMLSelectElement)
    return [...node.options].some((one) => one.selected !== one.defaultSelected);
  return node.value !== node.defaultValue || node.checked !== (node.defaultChecked ?? node.checked);
}
