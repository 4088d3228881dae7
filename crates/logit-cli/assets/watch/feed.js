// Fetching what is shown: as little as needed, and a few times per second at most.

import { attempt, get } from './api.js';
import { paint } from './paint.js';
import { shown } from './runs.js';

const FRAMES = 64;           // frames kept per run, so that going back and forth asks for nothing
const PACE = 250;            // milliseconds between two updates from the stream
const SERIES_PACE = 1000;    // … between two fetches of all curves of a run, the largest answer

async function refresh(run) {
  const base = `/api/runs/${encodeURIComponent(run.info.id)}`, jobs = [];
  if (run.stale.series && performance.now() - run.seriesAt >= SERIES_PACE) {
    run.stale.series = false;
    run.seriesAt = performance.now();
    jobs.push(attempt(`the curves of ${run.info.name}`, async () => {
      run.series = await get(`${base}/series`);
      run.version++;
    }).then(fine => { run.stale.series ||= !fine; }));
  }
  if (run.stale.findings) {
    run.stale.findings = false;
    jobs.push(attempt(`the findings of ${run.info.name}`, async () => { run.findings = await get(`${base}/findings`); }));
  }
  await Promise.all(jobs);
  await Promise.all([loadFrame(run), loadHistory(run)]);
  if (run.stale.series) awake.wanted = true;
}

/** Fetches the frame the view is at. While one is under way others wait, and only the last one wanted is fetched next. */
export async function loadFrame(run) {
  if (run.loading) return;
  run.loading = true;
  while (run.shown && run.at !== run.wanted) {
    const step = run.wanted;
    const fine = step === null || run.kept.has(step) || await attempt(`a recorded step of ${run.info.name}`, async () => {
      keep(run, step, await get(`/api/runs/${encodeURIComponent(run.info.id)}/frame?step=${step}`));
    });
    if (!fine) break;
    run.frame = run.kept.get(step) ?? null;
    run.at = step;
    paint();
  }
  run.loading = false;
}

function keep(run, step, frame) {
  run.kept.set(step, frame);
  if (run.kept.size > FRAMES) run.kept.delete(run.kept.keys().next().value);
}

export async function loadHistory(run, now = false) {
  if (!run.layer || !now && (!run.visible || run.historyOf === run.version)) return;
  run.historyOf = run.version;
  const name = run.layer;
  await attempt(`the history of a layer of ${run.info.name}`, async () => {
    const history = await get(`/api/runs/${encodeURIComponent(run.info.id)}/layers?name=${encodeURIComponent(name)}`);
    if (name === run.layer) run.history = history;
  });
  paint();
}

const awake = { wanted: false, running: false };

/** Events may come by the dozen; they only mark what is stale. This fetches and draws it, a few times per second. */
export async function wake() {
  awake.wanted = true;
  if (awake.running) return;
  awake.running = true;
  while (awake.wanted && !document.hidden) {
    awake.wanted = false;
    await Promise.all(shown().map(refresh));
    paint();
    await new Promise(done => setTimeout(done, PACE));
  }
  awake.running = false;
}
