// What the checks found.

import { badge, byId, el, icon, prose, say, wide } from './dom.js';
import { capital, whole } from './format.js';
import { shown } from './runs.js';
import { seek } from './seek.js';

const FINDINGS = 200;        // findings kept on the page

const listed = new Map();

/** Newest first. Only what is new enters the list, so that a screen reader reads only that out. */
export function drawFindings() {
  const list = byId('findings');
  for (const run of shown()) {
    for (const [i, finding] of run.findings.entries()) {
      const key = `${run.info.id}/${i}`, step = finding.step ?? -1;
      if (listed.has(key) || i < run.findings.length - FINDINGS) continue;
      const item = findingItem(run, finding);
      Object.assign(item, { run, step, level: finding.level });
      listed.set(key, item);
      list.insertBefore(item, [...list.children].find(other => other.step <= step) ?? null);
    }
  }
  const counts = { error: 0, warning: 0, advice: 0 };
  for (const item of listed.values()) {
    item.hidden = !item.run.shown;
    if (!item.hidden) counts[item.level] = (counts[item.level] ?? 0) + 1;
  }
  const tally = Object.entries(counts).filter(([, count]) => count)
    .map(([level, count]) => `${count} ${level}${count > 1 && level !== 'advice' ? 's' : ''}`);
  say(byId('tally'), tally.join(', '));
  byId('no-findings').hidden = tally.length > 0;
}

function findingItem(run, { step = null, level, rule, name, message, reason, fix }) {
  const when = step === null ? 'before training' : el('button', { type: 'button', className: 'link' }, `step ${whole(step)}`);
  if (step !== null) when.addEventListener('click', () => seek(step));
  return el('li', { className: level },
    el('p', { className: 'head' }, el('strong', {}, icon(level), capital(level)), badge(run),
      el('span', { className: 'hidden' }, run.info.name), when, wide(rule ? `${name}, rule ${rule}` : name)),
    el('p', {}, ...prose(message)),
    el('p', { className: 'why' }, el('b', {}, 'Why '), ...prose(reason)),
    el('p', { className: 'fix' }, el('b', {}, 'Fix '), ...prose(fix)));
}
