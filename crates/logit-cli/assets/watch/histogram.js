// The distribution of the batch's logits.

import { el, panelOf, say, svg } from './dom.js';
import { number, whole } from './format.js';
import { linearScale } from './scale.js';
import { axes, binsPath } from './shapes.js';

export class Histogram {
  constructor() {
    this.figure = el('figure');
    this.note = el('p', { className: 'note' });
    this.node = panelOf('Logits of the batch', this.figure, this.note);
  }

  /** `of` is the step at which they were recorded, if it is not the frame's own. */
  draw(statistics, of) {
    this.node.hidden = !statistics;
    if (!statistics) return;
    const { histogram, low, high, mean, deviation, count, not_finite: lost } = statistics;
    const width = Math.max(220, this.figure.clientWidth), height = 170;
    say(this.note, [`${whole(count)} numbers, mean ${number(mean, 3)}, deviation ${number(deviation, 3)}`,
      ...lost ? [`${whole(lost)} more are not finite`] : [], ...of === null ? [] : [`as of step ${whole(of)}`]].join('; '));
    if (!histogram?.length || !(low < high)) {
      this.figure.replaceChildren(el('p', { className: 'empty' }, `All numbers are equal: ${number(mean)}.`));
      return;
    }
    const box = { left: 52, right: width - 16, top: 26, bottom: height - 36 };
    const x = linearScale(low, high, box.left, box.right, Math.floor(width / 60));
    const y = linearScale(0, Math.max(1, ...histogram), box.bottom, box.top, 3);
    const zero = svg('line', { class: 'zero', x1: x.at(0), x2: x.at(0), y1: box.top, y2: box.bottom });
    const d = binsPath(histogram, box.left, box.right - box.left, box.bottom, box.bottom - box.top);
    const label = `Histogram of the logits from ${number(low)} to ${number(high)}`;
    this.figure.replaceChildren(svg('svg', { viewBox: `0 0 ${width} ${height}`, role: 'img', 'aria-label': label },
      axes(x, y, box, 'logit', 'count'), svg('path', { class: 'bin', d }), ...low < 0 && high > 0 ? [zero] : []));
  }
}
