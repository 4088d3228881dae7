// Making elements. Whatever comes from the server is set as text, never as markup: names may hold anything.

export const byId = id => document.getElementById(id);

export function el(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(props)) key in node ? node[key] = value : node.setAttribute(key, value);
  node.append(...children);
  return node;
}

export function svg(tag, attributes = {}, ...children) {
  const node = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

/** Sets the text only where it differs, so that a selection and a reader's place survive an update. */
export function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Text that is cut off where it does not fit; its title holds all of it. */
export function wide(text, className = '') {
  return el('bdi', { className: `clip ${className}`, title: text }, text);
}

const ICONS = {
  error: 'M5 1h6l4 4v6l-4 4H5l-4-4V5zm2 3v5h2V4zm0 6v2h2v-2z',
  warning: 'M8 1l7.5 14H.5zM7 6v4h2V6zm0 5v2h2v-2z',
  advice: 'M8 1a7 7 0 1 1 0 14A7 7 0 0 1 8 1zM7 4v2h2V4zm0 3v5h2V7z',
  training: 'M4 2l10 6-10 6z', finished: 'M2 8l2-2 3 3 6-6 2 2-8 8z', stopped: 'M3 3h10v10H3z',
  previous: 'M11 2v12L3 8z', next: 'M5 2v12l8-6z',
};

export const icon = name => svg('svg', { class: 'icon', viewBox: '0 0 16 16', 'aria-hidden': 'true' },
  svg('path', { d: ICONS[name] ?? ICONS.advice, 'fill-rule': 'evenodd' }));
export const badge = run => el('span', { className: `badge colour${run.colour}`, 'aria-hidden': 'true' }, run.letter);

/** Backticks in messages mark code. */
export function prose(text) {
  return String(text ?? '').split('`').map((part, i) => i % 2 ? el('code', {}, part) : part);
}

export function panelOf(heading, ...children) {
  return el('section', { className: 'panel' }, el('div', { className: 'title' }, el('h3', {}, heading)), ...children);
}
