// Which run's frame is shown where they do not fit side by side.

import { badge, byId, el } from './dom.js';
import { wake } from './feed.js';
import { paint } from './paint.js';
import { runs, view } from './runs.js';

const BESIDE = 640;          // pixels that a run needs to stand side by side with another

export function makeTabs() {
  byId('tabs').addEventListener('keydown', turnTab);
}

export function drawTabs(visible) {
  const tabs = byId('tabs'), beside = visible.length * BESIDE <= byId('panels').clientWidth;
  if (!visible.includes(view.selected)) view.selected = visible.find(run => run.info.state === 'training') ?? visible[0] ?? null;
  tabs.hidden = beside || visible.length < 2;
  const key = visible.map(run => run.info.id).join();
  if (tabs.key !== key) {
    tabs.key = key;
    tabs.replaceChildren(...visible.map(tabOf));
  }
  for (const tab of tabs.children) {
    const chosen = tab.run === view.selected;
    tab.setAttribute('aria-selected', String(chosen));
    tab.tabIndex = chosen ? 0 : -1;
  }
  for (const run of runs) {
    run.visible = visible.includes(run) && (beside || run === view.selected);
    run.panel.node.hidden = !run.visible;
    run.panel.node.setAttribute('role', tabs.hidden ? 'region' : 'tabpanel');
  }
}

function tabOf(run) {
  const tab = el('button', { type: 'button', role: 'tab', className: `colour${run.colour}`, 'aria-controls': run.panel.node.id,
    title: run.info.name }, badge(run), el('span', {}, run.info.name));
  tab.run = run;
  tab.addEventListener('click', () => {
    view.selected = run;
    paint();
    wake();
  });
  return tab;
}

function turnTab(event) {
  const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key], tabs = [...byId('tabs').children];
  if (!by) return;
  event.preventDefault();
  const tab = tabs[(tabs.indexOf(event.target.closest('[role=tab]')) + by + tabs.length) % tabs.length];
  tab.click();
  tab.focus();
}
