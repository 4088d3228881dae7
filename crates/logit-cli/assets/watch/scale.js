// From numbers to places on a chart.

import { minus } from './format.js';

export function linearScale(low, high, from, to, wanted) {
  if (!(low < high)) { const room = Math.abs(low) / 10 || 1; low -= room; high += room; }
  const rough = (high - low) / wanted, ten = 10 ** Math.floor(Math.log10(rough));
  const step = ten * [1, 2, 5, 10].find(factor => factor * ten >= rough * 0.999);
  const decimals = Math.min(6, Math.max(0, -Math.floor(Math.log10(step) + 1e-9)));
  const ticks = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i++) ticks.push(i * step || 0);   // no −0
  const label = value => step < 1e-5 || step >= 1e6 ? minus(value.toExponential(1))
    : minus(value.toLocaleString('en', { minimumFractionDigits: decimals, maximumFractionDigits: decimals }));
  return {
    at: value => from + (value - low) / (high - low) * (to - from),
    value: place => low + (place - from) / (to - from) * (high - low),
    ticks: ticks.map(value => [value, label(value)]),
  };
}

export function logScale(low, high, from, to) {
  const inner = linearScale(Math.log10(low), Math.log10(high), from, to, 5);
  const first = Math.floor(Math.log10(low)), last = Math.ceil(Math.log10(high));
  const factors = last - first > 3 ? [1] : [1, 2, 5], every = Math.ceil((last - first) / 6);
  const ticks = [];
  for (let power = first; power <= last; power += every) ticks.push(...factors.map(factor => factor * 10 ** power));
  const label = value => value < 1e-4 || value >= 1e6 ? minus(value.toExponential(0))
    : Number(value.toPrecision(1)).toLocaleString('en', { maximumFractionDigits: 4 });
  return {
    ...inner, at: value => inner.at(Math.log10(value)),
    ticks: ticks.filter(value => value >= low * 0.999 && value <= high * 1.001).map(value => [value, label(value)]),
  };
}

export function extent(values, fits) {
  let low = Infinity, high = -Infinity;
  for (const value of values) {
    if (fits(value)) { low = Math.min(low, value); high = Math.max(high, value); }
  }
  return low <= high ? [low, high] : null;
}
