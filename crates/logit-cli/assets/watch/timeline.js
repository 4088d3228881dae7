// The slider of the recorded steps, and the keys.

import { byId, el, icon, say } from './dom.js';
import { whole } from './format.js';
import { currentStep, lastAtOrBefore, recordedSteps, shown, view } from './runs.js';
import { move, seek } from './seek.js';

export function makeTimeline() {
  byId('previous').append(icon('previous'));
  byId('next').append(icon('next'));
  byId('previous').addEventListener('click', () => move(-1));
  byId('next').addEventListener('click', () => move(1));
  byId('slider').addEventListener('input', event => seek(recordedSteps()[event.target.value]));
  byId('live').addEventListener('click', turnLive);
  document.addEventListener('keydown', pressed);
}

function turnLive() {
  seek(currentStep() ?? 0, !view.live);
}

export function drawTimeline() {
  const steps = recordedSteps(), slider = byId('slider'), step = currentStep();
  byId('timeline').hidden = steps.length === 0;
  if (!steps.length) return;
  const index = lastAtOrBefore(steps, step), total = Math.max(...shown().map(run => run.info.steps ?? run.info.step));
  slider.max = steps.length - 1;
  slider.value = index;
  // While live, each run is at its own newest step, which no single number can show.
  const apart = view.live && new Set(shown().map(run => run.wanted)).size > 1;
  const text = apart ? ['newest step of each run', `, ${whole(steps.length)} recorded`]
    : [`step ${whole(step)}`, ` of ${whole(total)}, recorded ${whole(index + 1)} of ${whole(steps.length)}`];
  slider.setAttribute('aria-valuetext', text[0]);
  if (byId('place').textContent !== text.join('')) byId('place').replaceChildren(el('b', {}, text[0]), text[1]);
  byId('live').setAttribute('aria-pressed', String(view.live));
}

function pressed(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest('select')) return;
  const arrowsTaken = event.target.closest('[type=range], [role=tab], .scroll, .box');
  const action = { j: () => move(-1), k: () => move(1), l: turnLive }[event.key]
    ?? (arrowsTaken ? null : { ArrowLeft: () => move(-1), ArrowRight: () => move(1) }[event.key]);
  if (!action) return;
  event.preventDefault();
  action();
}
