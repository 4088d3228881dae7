// The chosen samples of a run.

import { el, say, wide } from './dom.js';
import { minus, number, percent, whole } from './format.js';
import { MapPanel } from './map.js';
import { drawPixels, pixelsOf } from './picture.js';

const BARS = 10;             // units shown per sample
const LONG = 14;             // letters of a unit's name that fit next to a picture

/** A chosen sample: its input, and its units as bars or a map. Rows are made once and then refilled. */
export class SampleCard {
  constructor(run, sample) {
    this.run = run;
    this.sample = sample;
    this.truth = truthUnits(run.info.names, sample.truth);
    this.when = el('span');
    this.said = el('span');
    this.input = el('div', { className: 'input' });
    this.map = null;
    this.rows = [];
    this.body = el('tbody');
    this.note = el('p', { className: 'note' });
    this.head = el('tr');
    this.table = el('table', {}, el('thead', {}, this.head), this.body);
    const beside = sample.input?.kind === 'picture' && run.info.names.every(name => name.length <= LONG);
    this.bars = el('div', { className: 'bars' }, this.table, this.note);
    this.pane = el('div', { className: `sample-body ${beside ? '' : 'below'}` }, this.input, this.bars);
    this.node = el('article', { className: `sample-card colour${run.colour}`, 'aria-label': `Row ${sample.row}` },
      el('p', {}, this.said, el('span', { className: 'of' }, `row ${whole(sample.row)}, `, this.when)), this.pane);
    this.show(null);
  }

  /** What the pass was shown, where that differs from pass to pass; else the sample's own input and truth. */
  show(shown) {
    if (this.shown === shown) return;
    this.shown = shown;
    const { row, truth, input } = this.sample, said = shown ? shown.truth : truth;
    this.said.replaceChildren(...said ? ['truth ', el('b', {}, wide(said)), ' '] : []);
    this.pane.hidden = Boolean(shown?.map);
    const parts = shown ? [pictureOf(shown.picture, row)] : inputOf(row, input);
    this.input.replaceChildren(...parts);
    this.input.hidden = parts.length === 0;
    if (this.map) this.map.node.hidden = !shown?.map;
    if (!shown?.map) return;
    this.map ??= new MapPanel(this.run, row);
    if (!this.map.node.parentNode) this.node.append(this.map.node);
    this.map.draw(shown);
  }

  draw(seen) {
    const another = seen?.shown && this.sample.input?.kind === 'none';
    say(this.when, seen ? `${another ? 'another each time, ' : ''}seen at step ${whole(seen.step)}` : 'not seen yet');
    this.show(seen?.shown ?? null);
    this.table.hidden = !seen;
    this.note.hidden = true;
    if (!seen || seen.shown?.map) return;
    const { logits, probabilities } = seen, bars = probabilities.length > 0;
    const paired = !bars || logits.length === probabilities.length;
    this.shape(bars, paired);
    const values = bars ? probabilities : logits, units = this.chosen(values);
    while (this.rows.length < units.length) this.rows.push(this.row());
    this.body.replaceChildren(...units.map((unit, i) =>
      this.fill(this.rows[i], unit, bars, values[unit], paired ? logits[unit] : undefined)));
    const notes = [];
    if (values.length > units.length) notes.push(`and ${whole(values.length - units.length)} more`);
    if (!paired) notes.push(`logits of the thresholds: ${logits.map(logit => number(logit, 3)).join(', ')}`);
    say(this.note, notes.join('; '));
    this.note.hidden = notes.length === 0;
  }

  shape(bars, paired) {
    const key = `${bars}${paired}`;
    if (this.key === key) return;
    this.key = key;
    this.rows = [];
    this.paired = paired;
    const softmax = this.run.info.answer === 'classes' ? 'softmax' : 'probability';
    const few = this.run.info.names.every(name => name.length <= 3) && this.run.info.names.length > 0;
    this.head.replaceChildren(el('th', { scope: 'col', className: 'unit' }, 'unit'),
      ...bars ? [el('th', { scope: 'col', colSpan: 2, className: 'number both' }, softmax)] : [],
      ...paired ? [el('th', { scope: 'col', className: 'number logit' }, 'logit')] : []);
    // A table of fixed layout takes its widths from columns where a heading spans two of them.
    const first = few && bars ? 'short' : this.run.info.names.some(name => name.length > LONG) ? 'long' : 'unit';
    const columns = [first, ...bars ? ['', 'value'] : [], ...paired ? ['logit'] : []];
    this.table.querySelector('colgroup')?.remove();
    this.table.prepend(el('colgroup', {}, ...columns.map(className => el('col', { className }))));
  }

  row() {
    const cells = { name: el('bdi'), fill: el('div', { className: 'fill' }), value: el('td', { className: 'number' }),
      logit: el('td', { className: 'number logit' }) };
    cells.mark = el('span', { className: 'hidden' }, ' (truth)');
    cells.head = el('th', { scope: 'row', className: 'unit' }, cells.name, cells.mark);
    cells.track = el('td', {}, el('div', { className: 'track' }, cells.fill));
    cells.node = el('tr', {}, cells.head);
    return cells;
  }

  fill(row, unit, bars, value, logit) {
    const truth = this.truth.has(unit), name = this.run.unit(unit);
    if (row.node.childElementCount === 1) row.node.append(...bars ? [row.track, row.value] : [], ...this.paired ? [row.logit] : []);
    row.node.className = truth ? 'truth' : '';
    row.mark.hidden = !truth;
    say(row.name, name);
    row.head.title = truth ? `${name} (truth)` : name;
    row.fill.style.width = `${100 * Math.min(1, Math.max(0, value ?? 0))}%`;
    say(row.value, percent(value));
    row.value.classList.toggle('bad', value === null);
    row.logit.classList.toggle('bad', logit === null);
    say(row.logit, bars && Number.isFinite(logit) && Math.abs(logit) < 1000 ? minus(logit.toFixed(2)) : number(logit));
    return row.node;
  }

  /** All units in their order; of many the largest, and the truth wherever it stands. */
  chosen(values) {
    const all = values.map((_, k) => k);
    if (all.length <= BARS) return all;
    const best = all.sort((a, b) => (values[b] ?? -Infinity) - (values[a] ?? -Infinity)).slice(0, BARS);
    return [...best, ...[...this.truth].filter(unit => unit < values.length && !best.includes(unit)).slice(0, BARS)];
  }
}

function truthUnits(names, truth) {
  const whole = names.indexOf(truth);
  if (whole >= 0) return new Set([whole]);
  return new Set(String(truth ?? '').split(', ').map(part => names.indexOf(part)).filter(unit => unit >= 0));
}

function inputOf(row, input) {
  if (input?.kind === 'picture') return [pictureOf(input, row)];
  if (input?.kind === 'text') return input.lines.map(line => el('p', { dir: 'auto' }, line));
  if (input?.kind !== 'fields') return [];
  return [el('table', {}, el('tbody', {}, ...input.fields.map(([name, value]) =>
    el('tr', {}, el('th', { scope: 'row' }, el('bdi', {}, name)), el('td', {}, el('bdi', {}, value))))))];
}

function pictureOf(picture, row) {
  const canvas = el('canvas', { role: 'img', 'aria-label': `Picture of row ${row}`, className: picture.width <= 96 ? 'small' : '' });
  const colour = pixelsOf(picture);
  if (colour) drawPixels(canvas, picture, colour);
  return canvas;
}
