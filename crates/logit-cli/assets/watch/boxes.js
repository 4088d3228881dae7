// A box to tick per run, with the state of the run.

import { badge, el, icon, say, wide } from './dom.js';
import { wake } from './feed.js';
import { number, whole } from './format.js';
import { paint } from './paint.js';

export function runBox(run) {
  const tick = el('input', { type: 'checkbox', checked: run.shown });
  tick.addEventListener('change', () => {
    run.shown = tick.checked;
    paint();
    wake();
  });
  run.box = { name: wide('', 'name'), state: el('span', { className: 'state' }), step: el('span'), loss: el('span'), found: el('span') };
  const { name, state, step, loss, found } = run.box;
  return el('label', { className: 'run' }, tick, badge(run), name, el('span', { className: 'facts' }, state, step, loss, found));
}

export function drawRun(run) {
  const { info, box } = run, count = run.count ?? run.findings.length;
  say(box.name, info.name);
  const about = [info.folder, info.recipe === null ? info.program : `recipe ${info.recipe}`,
    info.seed === null ? null : `seed ${info.seed}`, info.data];
  box.name.title = about.filter(part => part !== null).join(', ');
  if (box.state.textContent !== info.state) {
    box.state.className = `state ${info.state}`;
    box.state.replaceChildren(icon(info.state), info.state);
  }
  say(box.step, `step ${whole(info.step)}${Number.isFinite(info.steps) ? ` of ${whole(info.steps)}` : ''}`);
  const loss = run.loss === undefined ? run.series?.steps.loss.at(-1) : run.loss;
  say(box.loss, loss === undefined ? '' : `loss ${number(loss)}`);
  say(box.found, count === 0 ? 'no findings' : count === 1 ? '1 finding' : `${whole(count)} findings`);
}
