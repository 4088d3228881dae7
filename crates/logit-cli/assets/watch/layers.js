// The statistics of the layers, and their history.

import { StepChart } from './chart.js';
import { el, panelOf, say, svg, wide } from './dom.js';
import { loadHistory } from './feed.js';
import { number, percent, whole } from './format.js';
import { binsPath } from './shapes.js';

/** Statistics of the layers, a row per layer; a row opens the layer's history next to the table. */
export class Layers {
  constructor(run) {
    this.run = run;
    this.of = el('p', { className: 'note', hidden: true });
    this.tables = el('div', { className: 'scroll', tabIndex: 0, role: 'region', 'aria-label': 'Layers’ statistics' });
    this.values = new StepChart(el('figure'), 200);
    this.zeros = new StepChart(el('figure'), 120);
    this.title = el('h4');
    this.about = el('p', { className: 'note' });
    this.side = el('div', { className: 'history' }, this.title, this.about, this.values.figure, this.zeros.figure);
    this.node = panelOf('Layers', this.of, el('div', { className: 'layers' }, this.tables, this.side));
  }

  /** `of` is the step at which they were recorded, if it is not the frame's own. */
  draw({ layers, gradients }, of) {
    this.node.hidden = !layers?.length;
    this.of.hidden = of === null;
    say(this.of, of === null ? '' : `As of step ${whole(of)}: layers are not recorded at every step.`);
    const names = JSON.stringify([layers, gradients].map(list => (list ?? []).map(layer => layer.name)));
    if (this.names !== names) {
      this.names = names;
      this.rows = (layers ?? []).map(layer => this.row(layer.name, true));
      this.gradients = (gradients ?? []).map(layer => this.row(layer.name, false));
      this.tables.replaceChildren(this.table('output of', this.rows),
        ...this.gradients.length ? [this.table('gradient at', this.gradients)] : []);
    }
    (layers ?? []).forEach((layer, i) => fillLayer(this.rows[i], layer.statistics));
    (gradients ?? []).forEach((layer, i) => fillLayer(this.gradients[i], layer.statistics));
  }

  table(heading, rows) {
    const heads = ['mean', 'deviation', 'low', 'high', 'zeros'].map(name => el('th', { scope: 'col', className: 'number' }, name));
    return el('table', { className: 'layer-table' },
      el('thead', {}, el('tr', {}, el('th', { scope: 'col' }, heading), ...heads, el('th', { scope: 'col' }, 'low to high'))),
      el('tbody', {}, ...rows.map(row => row.node)));
  }

  row(name, can) {
    const cells = ['mean', 'deviation', 'low', 'high', 'zeros'].map(() => el('td', { className: 'number' }));
    const path = svg('path'), tiny = svg('svg', { class: 'tiny', viewBox: '0 0 96 20', 'aria-hidden': 'true' }, path);
    const label = !can ? wide(name)
      : el('button', { type: 'button', className: 'link clip', 'aria-expanded': 'false', title: name }, name);
    const node = el('tr', { className: can ? 'can' : '' }, el('th', { scope: 'row' }, label), ...cells, el('td', {}, tiny));
    if (can) node.addEventListener('click', () => this.toggle(name));
    return { name, node, cells, path, label };
  }

  toggle(name) {
    this.run.layer = this.run.layer === name ? null : name;
    this.run.history = null;
    this.drawHistory();
    loadHistory(this.run, true);
  }

  drawHistory() {
    const { run } = this, { layer, history } = run;
    for (const row of this.rows ?? []) {
      row.node.classList.toggle('open', row.name === layer);
      row.label.setAttribute('aria-expanded', String(row.name === layer));
    }
    say(this.title, layer === null ? '' : `${layer} over the steps`);
    say(this.about, layer === null ? 'Choose a layer to see how its output changed over the steps.'
      : 'Line: mean; band: one standard deviation each way; dotted: lowest and highest.');
    this.values.figure.hidden = this.zeros.figure.hidden = !history;
    if (!history) return;
    const { step: x, mean, deviation, low, high, zeros } = history;
    const colour = `colour${run.colour}`, key = `${layer}/${x.length}/${x.at(-1)}`;
    const around = sign => mean.map((value, i) => Number.isFinite(value) ? value + sign * (deviation[i] ?? 0) : null);
    this.values.draw({ key, unit: 'output', label: `Mean, deviation and range of ${layer} over steps`,
      empty: 'No step of this layer was recorded.',
      lines: [[mean, ''], [low, 'dotted'], [high, 'dotted']].map(([y, style]) => ({ x, y, style, colour })),
      bands: [{ x, low: around(-1), high: around(1), colour }] });
    this.zeros.draw({ key, unit: 'share of zeros', label: `Share of zeros of ${layer} over steps`, range: [0, 1], empty: '',
      lines: [{ x, y: zeros, style: '', colour }] });
    this.values.moveCursor(run.frame?.step);
    this.zeros.moveCursor(run.frame?.step);
  }
}

function fillLayer({ cells, path }, { mean, deviation, low, high, zeros, histogram }) {
  [mean, deviation, low, high].forEach((value, i) => say(cells[i], number(value, 3)));
  say(cells[4], percent(zeros));
  path.setAttribute('d', binsPath(histogram ?? [], 0, 96, 20, 20));
}
