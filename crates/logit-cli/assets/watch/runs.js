// The runs, and which of their steps is shown.

export const runs = [];
export const view = { live: true, step: 0, selected: null };

export class Run {
  constructor(info, index) {
    this.letter = String.fromCharCode(65 + index % 26);
    this.colour = index % 7;
    this.shown = index < 4;
    this.info = info;
    this.loss = undefined;
    this.count = undefined;      // of findings, as the stream reports it
    this.series = null;
    this.version = 0;
    this.seriesAt = -Infinity;
    this.findings = [];
    this.frame = null;
    this.at = null;              // the step `frame` was asked for
    this.loading = false;        // whether one is being fetched
    this.kept = new Map();
    this.stale = { series: true, findings: true };
    this.layer = 'logits';       // whose history is open
    this.history = null;
    this.historyOf = null;       // the version that `history` was fetched at
    this.visible = false;        // whether its frame is
    this.panel = null;           // what draws its frame
    this.box = null;             // what it is ticked by
  }

  get frames() { return this.series?.frames ?? []; }
  get wanted() { return this.frames[lastAtOrBefore(this.frames, view.live ? Infinity : view.step)] ?? null; }
  unit(k) { return this.info.names[k] ?? `unit ${k}`; }
}

export const shown = () => runs.filter(run => run.shown);

export function lastAtOrBefore(sorted, value) {
  let low = 0, high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle] <= value) low = middle + 1; else high = middle;
  }
  return low - 1;
}

let recorded = { key: null, steps: [] };

/** The steps of the slider: those at which any of the shown runs recorded a frame. */
export function recordedSteps() {
  const key = shown().map(run => `${run.info.id}:${run.frames.length}:${run.frames.at(-1)}`).join();
  if (key !== recorded.key) {
    const all = shown().length === 1 ? [...shown()[0].frames]
      : [...new Set(shown().flatMap(run => run.frames))].sort((a, b) => a - b);
    recorded = { key, steps: all };
  }
  return recorded.steps;
}

export const currentStep = () => {
  const steps = recordedSteps();
  return view.live ? steps.at(-1) : steps[Math.max(0, lastAtOrBefore(steps, view.step))];
};
