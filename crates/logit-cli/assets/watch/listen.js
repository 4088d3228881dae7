// The list of runs, and what the server reports about them.

import { attempt, get } from './api.js';
import { runBox } from './boxes.js';
import { byId, say } from './dom.js';
import { wake } from './feed.js';
import { FramePanel } from './frame.js';
import { Run, runs } from './runs.js';

export function loadRuns() {
  return attempt('the runs', async () => {
    for (const [index, info] of (await get('/api/runs')).entries()) {
      const run = runs.find(run => run.info.id === info.id);
      if (run) run.info = info; else addRun(new Run(info, index));
    }
    say(byId('nothing'), runs.length ? 'No run is ticked.' : 'There is no run to show. Start `logit watch` with a run’s folder.');
  });
}

function addRun(run) {
  run.panel = new FramePanel(run);
  runs.push(run);
  byId('runs').append(runBox(run));
  byId('panels').append(run.panel.node);
}

function heard(event) {
  const { id, step, frame, loss, state, findings } = JSON.parse(event.data), run = runs.find(run => run.info.id === id);
  if (!run) return void loadRuns().then(wake);
  // What only the list of runs holds (names, samples, number of steps) may have arrived since it was fetched.
  if (state !== run.info.state || frame !== null && !run.frames.length) loadRuns().then(wake);
  Object.assign(run.info, { step, state });
  Object.assign(run, { loss, count: findings });
  run.stale.series = true;
  run.stale.findings ||= findings !== run.findings.length;
  if (run.series && frame !== null && frame > (run.frames.at(-1) ?? -1)) run.frames.push(frame);
  wake();
}

export function listen() {
  const source = new EventSource('/api/events'), sign = byId('connection');
  const status = (text, lost) => { say(sign, text); sign.classList.toggle('lost', lost); };
  source.addEventListener('run', heard);
  source.addEventListener('open', () => {
    const again = sign.classList.contains('lost');
    status(again ? 'Connected again' : 'Connected', false);
    if (!again) return;
    for (const run of runs) run.stale = { series: true, findings: true };
    loadRuns().then(wake);
  });
  source.addEventListener('error', () => {
    status('Connection lost; trying again…', true);
    // A browser gives up for good when the answer is not a stream of events.
    if (source.readyState === EventSource.CLOSED) setTimeout(listen, 3000);
  });
}
