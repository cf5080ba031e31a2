const SVG = 'http://www.w3.org/2000/svg';

/**
 * An element. `text` is its text and `on…` are listeners; all else are attributes, of which those that are undefined or
 * false are left out.
 */
export function element(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

export function svgElement(tag, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), attributes, children);
}

/** Writes a text only where it differs, so that nothing is laid out again for nothing. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

export function setAttribute(node, name, value) {
  if (value === undefined || value === false) node.removeAttribute(name);
  else if (node.getAttribute(name) !== String(value)) node.setAttribute(name, value === true ? '' : value);
}

/** A cell of a table. */
export function cell(name, ...children) {
  return element('div', { role: 'cell', class: name }, ...children);
}

/** A table of columns `[class, heading]`, with a body for rows. */
export function table(label, name, columns) {
  const headings = columns.map(([column, heading]) =>
    element('div', { role: 'columnheader', class: column, text: heading }),
  );
  const body = element('div', { class: 'body' });
  const head = element(
    'div',
    { role: 'rowgroup', class: 'head' },
    element('div', { role: 'row' }, ...headings),
  );
  const node = element('div', { role: 'table', class: `table ${name}`, 'aria-label': label }, head, body);
  return { node, body };
}

/** Two lines of text: the first is what one looks for. */
export function twoLines() {
  const first = element('div', { class: 'first' });
  const second = element('div', { class: 'second' });
  return { first, second, nodes: [first, second] };
}

function filled(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name === 'text') node.textContent = value;
    else if (name.startsWith('on')) node.addEventListener(name.slice(2), value);
    else setAttribute(node, name, value);
  }
  node.append(...children);
  return node;
}
