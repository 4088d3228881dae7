// The parts that charts are made of.

import { svg } from './dom.js';

export function axes(x, y, { left, right, top, bottom }, xLabel, yLabel) {
  const part = svg('g');
  for (const [value, label] of y.ticks) {
    const at = y.at(value).toFixed(1);
    part.append(svg('line', { class: 'grid', x1: left, x2: right, y1: at, y2: at }),
      svg('text', { class: 'end', x: left - 6, y: +at + 4 }, label));
  }
  for (const [value, label] of x.ticks) {
    const at = x.at(value).toFixed(1);
    part.append(svg('line', { class: 'axis', x1: at, x2: at, y1: bottom, y2: bottom + 4 }),
      svg('text', { class: 'middle', x: at, y: bottom + 16 }, label));
  }
  part.append(svg('line', { class: 'axis', x1: left, x2: right, y1: bottom, y2: bottom }),
    svg('text', { class: 'unit', x: left, y: top - 12 }, yLabel),
    svg('text', { class: 'unit middle', x: (left + right) / 2, y: bottom + 31 }, xLabel));
  return part;
}

export function lineOf({ x: xs, y: ys, colour, style, dots, letter }, x, y, fits) {
  const parts = [svg('path', { class: `line ${style} ${colour}`, d: linePath(xs, ys, x, y, fits) })];
  const last = ys.findLastIndex(fits);
  if (dots && xs.length <= 60) {
    xs.forEach((at, i) => {
      if (!fits(ys[i])) return;
      parts.push(svg('circle', { class: `dot ${colour}`, cx: x.at(at).toFixed(1), cy: y.at(ys[i]).toFixed(1), r: 2 }));
    });
  }
  if (letter && last >= 0) parts.push(svg('text', { class: `letter ${colour}`, x: x.at(xs[last]) + 4, y: y.at(ys[last]) + 4 }, letter));
  return parts;
}

/** Numbers that are missing leave a gap; the `h0` shows a point that has no neighbour. */
function linePath(xs, ys, x, y, fits) {
  let path = '', pen = 'M';
  for (let i = 0; i < xs.length; i++) {
    if (!fits(ys[i])) { pen = 'M'; continue; }
    path += `${pen}${x.at(xs[i]).toFixed(1)} ${y.at(ys[i]).toFixed(1)}${pen === 'M' ? 'h0' : ''}`;
    pen = 'L';
  }
  return path;
}

export function bandOf({ x: xs, low, high, colour }, x, y) {
  const known = xs.map((_, i) => i).filter(i => Number.isFinite(low[i]) && Number.isFinite(high[i]));
  const point = (i, values) => `${x.at(xs[i]).toFixed(1)} ${y.at(values[i]).toFixed(1)}`;
  const there = known.map(i => point(i, high)), back = known.reverse().map(i => point(i, low));
  return svg('path', { class: `spread ${colour}`, d: known.length ? `M${[...there, ...back].join('L')}Z` : '' });
}

export function markOf({ step, level, text }, x, { left, right, top }) {
  const at = Math.min(right, Math.max(left, x.at(step)));
  return svg('path', { class: `mark ${level}`, d: `M${at - 4} ${top - 5}h8l-4 7z` }, svg('title', {}, text));
}

export function binsPath(bins, x, width, base, height) {
  const top = Math.max(1, ...bins), each = width / bins.length;
  const thick = (each * 0.9).toFixed(1);
  const bar = (count, i) => `M${(x + i * each).toFixed(1)} ${base}h${thick}v${(-height * count / top).toFixed(1)}h-${thick}z`;
  return bins.map((count, i) => count > 0 ? bar(count, i) : '').join('');
}
