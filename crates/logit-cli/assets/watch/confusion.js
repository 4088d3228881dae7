// Which class is mistaken for which.

import { el, panelOf, say, wide } from './dom.js';
import { percent, whole } from './format.js';

const MATRIX = 24;           // classes up to which a table of confusion can be read

/** Truth by decision: a table as far as one can be read, beyond that a picture and the most common mistakes. */
export class Confusion {
  constructor(run) {
    this.run = run;
    this.box = el('div', { className: 'scroll', tabIndex: 0, role: 'region', 'aria-label': 'Confusion' });
    this.note = el('p', { className: 'note' });
    this.node = panelOf('Confusion', this.box, this.note);
    this.node.classList.add('matrix-panel');
  }

  draw(matrix) {
    this.node.hidden = !matrix?.length;
    if (!matrix?.length) return;
    const total = matrix.flat().reduce((sum, count) => sum + count, 0);
    const right = matrix.reduce((sum, row, k) => sum + row[k], 0);
    const share = percent(total ? right / total : undefined);
    say(this.note, `${whole(right)} of ${whole(total)} correct (${share}) in this epoch’s recorded steps.`);
    if (matrix.length > MATRIX) this.drawMany(matrix); else this.drawTable(matrix);
  }

  drawTable(matrix) {
    if (this.cells?.length !== matrix.length) this.build(matrix.length);
    matrix.forEach((row, truth) => {
      const sum = row.reduce((a, b) => a + b, 0) || 1;
      row.forEach((count, decision) => {
        const cell = this.cells[truth][decision];
        say(cell, whole(count));
        cell.className = `${truth === decision ? 'right' : ''} ${count ? '' : 'none'}`;
        // The root makes a mistake visible that is made once in a hundred times.
        cell.style.setProperty('--share', Math.sqrt(count / sum).toFixed(2));
      });
    });
  }

  build(size) {
    const head = (k, scope) => el('th', { scope, title: this.run.unit(k) }, el('bdi', {}, this.run.unit(k)));
    const all = [...Array(size).keys()];
    this.cells = all.map(() => all.map(() => el('td')));
    this.box.replaceChildren(el('table', { className: 'matrix' }, el('caption', {}, 'Truth in rows, decision in columns'),
      el('thead', {}, el('tr', {}, el('td', { className: 'corner' }), ...all.map(k => head(k, 'col')))),
      el('tbody', {}, ...all.map(k => el('tr', {}, head(k, 'row'), ...this.cells[k])))));
  }

  drawMany(matrix) {
    this.heat ??= el('canvas', { className: 'heat', role: 'img',
      'aria-label': 'Confusion as a picture, truth from top to bottom, decision from left to right' });
    const worst = matrix.flatMap((row, truth) => row.map((count, decision) => ({ truth, decision, count })))
      .filter(({ truth, decision, count }) => truth !== decision && count > 0)
      .sort((a, b) => b.count - a.count).slice(0, 12);
    shade(this.heat, matrix, this.box);
    this.box.classList.add('many');
    this.box.replaceChildren(this.heat, el('table', {}, el('caption', {}, `The most common mistakes among ${matrix.length} classes`),
      el('thead', {}, el('tr', {}, ...['truth', 'decision'].map(name => el('th', { scope: 'col' }, name)),
        el('th', { scope: 'col', className: 'number' }, 'count'))),
      el('tbody', {}, ...worst.map(({ truth, decision, count }) => el('tr', {},
        ...[truth, decision].map(k => el('td', {}, wide(this.run.unit(k)))), el('td', { className: 'number' }, whole(count)))))));
  }
}

function shade(canvas, matrix, styled) {
  const size = matrix.length, style = getComputedStyle(styled), context = canvas.getContext('2d');
  canvas.width = canvas.height = size;
  matrix.forEach((row, truth) => {
    const sum = row.reduce((a, b) => a + b, 0) || 1;
    row.forEach((count, decision) => {
      if (!count) return;
      context.globalAlpha = Math.sqrt(count / sum);
      context.fillStyle = style.getPropertyValue(truth === decision ? '--right' : '--wrong');
      context.fillRect(decision, truth, 1, 1);
    });
  });
}
