// A chart over steps.

import { el, svg } from './dom.js';
import { extent, linearScale, logScale } from './scale.js';
import { seek } from './seek.js';
import { axes, bandOf, lineOf, markOf } from './shapes.js';

/** Lines over steps, with a cursor that moves without redrawing the rest. */
export class StepChart {
  constructor(figure, height) {
    this.figure = figure;
    this.height = height;
    this.cursor = svg('line', { class: 'cursor' });
    this.svg = svg('svg', { class: 'chart', role: 'img' });
    const pick = event => {
      if (this.x && event.buttons & 1) seek(Math.round(this.x.value(event.clientX - this.svg.getBoundingClientRect().left)));
    };
    this.svg.addEventListener('pointerdown', pick);
    this.svg.addEventListener('pointermove', pick);
  }

  draw({ key, label, unit, log = false, lines, bands = [], marks = [], range = null, empty }) {
    const width = Math.max(220, this.figure.clientWidth);
    if (this.key === `${key}/${width}`) return;
    this.key = `${key}/${width}`;
    const fits = value => Number.isFinite(value) && (!log || value > 0);
    const along = extent(lines.flatMap(line => [line.x[0], line.x.at(-1)]), Number.isFinite);
    const tall = extent([...lines, ...bands].flatMap(line => line.y ?? [...line.low, ...line.high]), fits);
    if (!along || !tall) {
      this.x = null;
      this.figure.replaceChildren(el('p', { className: 'empty' }, empty));
      return;
    }
    const box = { left: 52, right: width - 16, top: 28, bottom: this.height - 36 };
    const [low, high] = range ?? tall;
    const x = this.x = linearScale(...along, box.left, box.right, Math.min(8, Math.floor(width / 80)));
    const y = log ? logScale(low, high * (low === high ? 1.1 : 1), box.bottom, box.top)
      : linearScale(low, high, box.bottom, box.top, this.height > 150 ? 5 : 2);
    this.box = box;
    this.svg.setAttribute('viewBox', `0 0 ${width} ${this.height}`);
    this.svg.setAttribute('aria-label', label);
    this.svg.replaceChildren(axes(x, y, box, 'step', unit), ...bands.map(band => bandOf(band, x, y)),
      ...lines.flatMap(line => lineOf(line, x, y, fits)), ...marks.map(mark => markOf(mark, x, box)), this.cursor);
    this.figure.replaceChildren(this.svg);
  }

  moveCursor(step) {
    if (!this.x || step === undefined) return;
    const at = Math.min(this.box.right, Math.max(this.box.left, this.x.at(step))).toFixed(1);
    const ends = { x1: at, x2: at, y1: this.box.top, y2: this.box.bottom };
    for (const [key, value] of Object.entries(ends)) this.cursor.setAttribute(key, value);
  }
}
