// The curves of the shown runs: the loss, and a metric to choose.

import { badge, byId, el, say, svg } from './dom.js';
import { capital, number, title, whole } from './format.js';
import { StepChart } from './chart.js';
import { paint } from './paint.js';
import { currentStep, lastAtOrBefore, shown, view } from './runs.js';

const charts = { loss: null, metric: null };
const KINDS = { thin: 'batch', dashed: 'training', solid: 'validation' };

export function makeCurves() {
  charts.loss = new StepChart(byId('loss'), 230);
  charts.metric = new StepChart(byId('curve'), 230);
  byId('log').addEventListener('change', paint);
  byId('metric').addEventListener('change', event => { event.target.touched = true; paint(); });
}

export function drawCurves() {
  const known = shown().filter(run => run.series), log = byId('log').checked, metric = drawChoice(known);
  const marks = known.flatMap(run => run.findings.filter(finding => finding.step !== null)
    .map(({ step, level, name }) => ({ step, level, text: `${run.info.name}, step ${whole(step)}: ${level}, ${name}` })));
  const key = `${known.map(run => `${run.info.id}:${run.version}:${run.findings.length}`)}/${log}/${metric}`;
  const first = known.flatMap(lossLines);
  const second = metric ? known.flatMap(run => metricLines(run, metric)) : [];
  const name = metric ? title(metric.split(/:(.*)/s)[1]) : '';
  charts.loss.draw({ key, log, lines: first, marks, unit: log ? 'loss (logarithmic)' : 'loss', empty: 'No steps yet.',
    label: 'Loss over steps; the values at the chosen step are in the table below.' });
  charts.metric.draw({ key, lines: second, unit: name, empty: 'No epoch has finished yet.',
    label: `${capital(name)} over steps; the values at the chosen step are in the table below.` });
  const step = view.live ? Infinity : currentStep() ?? Infinity;
  charts.loss.moveCursor(currentStep());
  charts.metric.moveCursor(currentStep());
  drawReadout(charts.loss, known, first, step, false);
  drawReadout(charts.metric, known, second, step, metric?.startsWith('epoch:') && metric.slice(6));
}

function stepLine(run, ys, style = 'thin') {
  return { run, kind: 'thin', x: run.series.steps.step, y: ys, colour: `colour${run.colour}`, style, letter: run.letter };
}

function epochLine(run, kind, read) {
  const { epochs } = run.series;
  const line = { run, kind, x: epochs.map(epoch => epoch.step), y: epochs.map(epoch => read(epoch)), colour: `colour${run.colour}` };
  return { ...line, style: kind, dots: kind === 'solid', letter: kind === 'solid' ? run.letter : null };
}

const lossOf = ({ validation }) => validation?.loss ?? validation?.log_loss;

function lossLines(run) {
  const lines = [stepLine(run, run.series.steps.loss), epochLine(run, 'dashed', epoch => epoch.train_loss),
    epochLine(run, 'solid', lossOf)];
  if (lines[2].y.some(Number.isFinite)) lines[0].letter = null;
  return lines;
}

function metricLines(run, choice) {
  const [from, name] = choice.split(/:(.*)/s);
  if (from === 'step') return [stepLine(run, run.series.steps[name] ?? [], 'full')];
  const lines = [epochLine(run, 'solid', epoch => epoch.validation?.[name])];
  if (name === 'accuracy') lines.unshift(epochLine(run, 'dashed', epoch => epoch.train_accuracy ?? undefined));
  return lines;
}

/** Offers what the shown runs have, and keeps the choice made; a first choice is made once there are epochs. */
function drawChoice(known) {
  const select = byId('metric');
  const names = [...new Set(known.flatMap(run => run.series.epochs.flatMap(epoch => Object.keys(epoch.validation ?? {}))))];
  const key = JSON.stringify(names);
  if (select.key !== key) {
    const before = select.touched ? select.value : null;
    const group = (label, from, list) => el('optgroup', { label },
      ...list.map(name => el('option', { value: `${from}:${name}` }, title(name))));
    select.replaceChildren(...names.length ? [group('Validation, per epoch', 'epoch', names)] : [],
      group('Training, per step', 'step', ['learning_rate', 'head_gradient_norm']));
    const usual = ['accuracy', 'mean_iou', 'micro_f1', 'r2', 'pearson'].find(name => names.includes(name)) ?? names[0];
    select.value = before ?? (usual ? `epoch:${usual}` : 'step:head_gradient_norm');
    if (select.selectedIndex < 0) select.selectedIndex = 0;
    select.key = key;
  }
  return select.value || null;
}

function sampleOfLine(kind) {
  return svg('svg', { class: 'sample plain', viewBox: '0 0 24 9', 'aria-hidden': 'true' },
    svg('path', { class: `line ${kind}`, d: 'M0 4.5h24' }),
    ...kind === 'solid' ? [svg('circle', { class: 'dot', cx: 12, cy: 4.5, r: 2.5 })] : []);
}

/** The key of the lines, with the values at the cursor: a row per run, a column per kind of line. */
function drawReadout(chart, known, lines, step, tested) {
  const kinds = Object.keys(KINDS).filter(kind => lines.some(line => line.kind === kind && line.y.some(Number.isFinite)));
  const test = tested && known.some(run => Number.isFinite(run.series.test?.[tested]));
  const key = JSON.stringify([kinds, test, known.map(run => run.info.id)]);
  if (chart.readoutKey !== key) {
    chart.readoutKey = key;
    const heads = [...kinds.map(kind => el('th', { className: 'number', scope: 'col' }, sampleOfLine(kind), KINDS[kind])),
      ...test ? [el('th', { className: 'number', scope: 'col' }, 'test')] : []];
    chart.cells = known.map(() => heads.map(() => el('td', { className: 'number' })));
    chart.corner = el('th', { scope: 'col' });
    const rows = known.map((run, i) => el('tr', {},
      el('th', { scope: 'row', title: run.info.name }, badge(run), el('bdi', {}, run.info.name)), ...chart.cells[i]));
    chart.readout?.remove();
    chart.readout = el('div', { className: 'scroll', hidden: !kinds.length }, el('table', { className: 'readout' },
      el('thead', {}, el('tr', {}, chart.corner, ...heads)), el('tbody', {}, ...rows)));
    chart.figure.after(chart.readout);
  }
  say(chart.corner, Number.isFinite(step) ? `at step ${whole(step)}` : 'last');
  known.forEach((run, i) => {
    kinds.forEach((kind, k) => {
      const line = lines.find(line => line.run === run && line.kind === kind);
      say(chart.cells[i][k], number(line?.y[lastAtOrBefore(line.x, step)]));
    });
    if (test) say(chart.cells[i][kinds.length], number(run.series.test?.[tested]));
  });
}
