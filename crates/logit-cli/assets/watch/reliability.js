// Whether decisions are correct as often as their confidence says.

import { el, panelOf, say, svg } from './dom.js';
import { number, whole } from './format.js';
import { linearScale } from './scale.js';
import { axes } from './shapes.js';

export class Reliability {
  constructor() {
    this.figure = el('figure');
    this.note = el('p', { className: 'note' });
    this.node = panelOf('Calibration', this.figure, this.note);
  }

  draw(bins) {
    if (!bins) return;
    const total = bins.reduce((sum, [count]) => sum + (count ?? 0), 0);
    const width = Math.max(220, this.figure.clientWidth), height = 230;
    const box = { left: 52, right: width - 16, top: 26, bottom: height - 52 };
    const x = linearScale(0, 1, box.left, box.right, 10), y = linearScale(0, 1, box.bottom, box.top, 5);
    const each = (box.right - box.left) / 10;
    const small = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: each < 30 ? 0 : 1 });
    const parts = bins.flatMap(([count, confidence, right], i) => {
      if (!(count > 0)) return [];
      const left = box.left + i * each, share = y.at(right / count), sure = y.at(confidence / count);
      return [svg('rect', { class: 'bin', x: left + 1, y: share, width: each - 2, height: Math.max(0, box.bottom - share) }),
        svg('line', { class: 'confidence', x1: left + 1, x2: left + each - 1, y1: sure, y2: sure }),
        svg('text', { class: 'middle', x: left + each / 2, y: height - 4 }, small.format(count))];
    });
    const label = 'Share correct in ten bins of confidence';
    this.figure.replaceChildren(svg('svg', { viewBox: `0 0 ${width} ${height}`, role: 'img', 'aria-label': label },
      axes(x, y, box, 'confidence', 'share correct'), ...parts,
      svg('text', { class: 'end', x: box.left - 6, y: height - 4 }, 'count'),
      svg('line', { class: 'ideal', x1: box.left, x2: box.right, y1: box.bottom, y2: box.top })));
    const gap = bins.reduce((sum, [count, confidence, right]) => sum + (count > 0 ? Math.abs(confidence - right) : 0), 0) / total;
    const caption = `Bars: share correct; orange strokes: mean confidence. Calibration error ${number(gap, 3)} over ${whole(total)}.`;
    say(this.note, total ? caption : 'No decisions yet.');
  }
}
