// The page of `logit watch`: puts the parts together and starts.

import { drawRun } from './boxes.js';
import { drawCurves, makeCurves } from './curves.js';
import { byId } from './dom.js';
import { wake } from './feed.js';
import { drawFindings } from './findings.js';
import { listen, loadRuns } from './listen.js';
import { paint, paintWith } from './paint.js';
import { runs, shown } from './runs.js';
import { drawTabs, makeTabs } from './tabs.js';
import { drawTimeline, makeTimeline } from './timeline.js';

function draw() {
  const visible = shown();
  byId('nothing').hidden = visible.length > 0;
  byId('overview').hidden = visible.length === 0;
  runs.forEach(drawRun);
  drawTimeline();
  drawCurves();
  drawFindings();
  drawTabs(visible);
  for (const run of visible) if (run.visible) run.panel.draw();
}

async function start() {
  paintWith(draw);
  makeCurves();
  makeTimeline();
  makeTabs();
  document.addEventListener('visibilitychange', wake);
  new ResizeObserver(paint).observe(byId('panels'));
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
    for (const run of runs) run.panel.drawn = null;
    paint();
  });
  while (!await loadRuns()) await new Promise(done => setTimeout(done, 3000));
  listen();
  wake();
}

start();
