// Numbers and names as the page writes them.

export const minus = text => text.replaceAll('-', '−');
export const whole = value => Number.isFinite(value) ? minus(Math.round(value).toLocaleString('en')) : '–';
export const capital = text => text.charAt(0).toUpperCase() + text.slice(1);

/** null is the server's word for a number that is not finite; undefined is none at all. */
export function number(value, digits = 4) {
  if (value === null) return 'not finite';
  if (value === undefined) return '–';
  const size = Math.abs(value);
  if (size !== 0 && (size >= 1e6 || size < 1e-3)) return minus(value.toExponential(2));
  return minus(size >= 1000 ? value.toLocaleString('en', { maximumFractionDigits: 0 }) : value.toPrecision(digits));
}

export function percent(value) {
  return Number.isFinite(value) ? `${(100 * value).toFixed(1)} %` : number(value);
}

const TITLES = { ece: 'calibration error', brier: 'Brier score', macro_f1: 'macro F1', micro_f1: 'micro F1', r2: 'R²',
  auroc: 'AUROC', mse: 'mean squared error', mae: 'mean absolute error', rmse: 'root mean squared error',
  learning_rate: 'learning rate', head_gradient_norm: 'gradient norm at the head' };
export const title = name => TITLES[name] ?? name.replaceAll('_', ' ');
