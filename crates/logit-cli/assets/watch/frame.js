// A run at a recorded step.

import { Confusion } from './confusion.js';
import { badge, el, panelOf, say } from './dom.js';
import { number, whole } from './format.js';
import { Histogram } from './histogram.js';
import { Layers } from './layers.js';
import { paint } from './paint.js';
import { Reliability } from './reliability.js';
import { view } from './runs.js';
import { SampleCard } from './samples.js';

const CARDS = 12;            // samples shown before "show more"

export class FramePanel {
  constructor(run) {
    this.run = run;
    this.cards = new Map();
    this.limit = CARDS;
    this.name = el('h2');
    this.facts = el('dl', { className: 'facts-list' });
    this.empty = el('p', { className: 'empty panel' });
    this.grid = el('div', { className: 'samples' });
    this.more = el('button', { type: 'button', className: 'link', hidden: true });
    this.more.addEventListener('click', () => { this.limit += CARDS; this.drawn = null; paint(); });
    this.noSamples = el('p', { className: 'empty' }, 'No sample was chosen to follow.');
    this.samples = panelOf('Samples', this.noSamples, this.grid, this.more);
    this.logits = new Histogram();
    this.reliability = new Reliability();
    this.confusion = new Confusion(run);
    this.layers = new Layers(run);
    this.body = el('div', { className: 'stack' }, this.samples,
      el('div', { className: 'beside' }, this.confusion.node, this.logits.node, this.reliability.node), this.layers.node);
    this.node = el('section', { className: 'frame', id: `frame-${run.info.id}`, hidden: true },
      el('div', { className: 'head' }, badge(run), this.name, this.facts), this.empty, this.body);
  }

  draw() {
    const { run } = this, { frame } = run, width = this.node.clientWidth;
    this.body.hidden = !frame;
    this.empty.hidden = Boolean(frame);
    if (this.drawn !== frame || this.width !== width || this.info !== run.info) {
      this.drawn = frame;
      this.width = width;
      this.info = run.info;
      this.node.setAttribute('aria-label', `${run.info.name} at the chosen step`);
      say(this.name, run.info.name);
      this.drawFacts(frame);
      if (frame) this.drawFrame(frame);
      else say(this.empty, this.whyEmpty());
    }
    if (frame) this.layers.drawHistory();
  }

  whyEmpty() {
    const { run } = this;
    if (!run.series) return 'Loading what was recorded…';
    if (run.frames.length && run.wanted !== null) return 'Loading the recorded step…';
    if (run.frames.length) {
      return `This run had recorded nothing by step ${whole(view.step)}; its first recorded step is ${whole(run.frames[0])}.`;
    }
    return run.info.state === 'training' ? 'Nothing recorded so far. The first step will appear here by itself.'
      : 'This run has no recorded step that can be read. `logit check` says why.';
  }

  drawFacts(frame) {
    const facts = !frame ? [] : [['step', whole(frame.step)], ['epoch', whole(frame.epoch)], ['loss', number(frame.loss)],
      ['loss at chance', frame.chance_loss], ['with shuffled targets', frame.shuffled_loss],
      ['learning rate', number(frame.learning_rate, 3)], ['batch', whole(frame.batch)]];
    this.facts.replaceChildren(...facts.filter(([, value]) => value !== null && value !== undefined)
      .map(([name, value]) => el('div', {}, el('dt', {}, name), el('dd', {}, typeof value === 'string' ? value : number(value)))));
  }

  drawFrame(frame) {
    this.drawSamples(frame);
    // The charts measure the space left by what is shown.
    this.confusion.draw(frame.confusion);
    this.reliability.node.hidden = !frame.reliability;
    this.logits.draw(frame.layers?.find(layer => layer.name === 'logits')?.statistics, earlier(frame));
    this.reliability.draw(frame.reliability);
    this.layers.draw(frame, earlier(frame));
  }

  drawSamples(frame) {
    const { run } = this, seen = new Map(frame.samples.map(sample => [sample.row, sample]));
    const known = [...run.info.samples];
    for (const row of seen.keys()) {
      if (!known.some(sample => sample.row === row)) known.push({ row, truth: null, input: { kind: 'none' } });
    }
    for (const sample of known.slice(0, this.limit)) {
      if (!this.cards.has(sample.row)) this.cards.set(sample.row, new SampleCard(run, sample));
      const card = this.cards.get(sample.row);
      if (card.node.parentNode !== this.grid) this.grid.append(card.node);
      card.draw(seen.get(sample.row));
    }
    this.noSamples.hidden = known.length > 0;
    this.more.hidden = known.length <= this.limit;
    say(this.more, `Show more of the other ${whole(known.length - this.limit)} samples`);
  }
}

/** The step at which the layers were recorded, if it is not the frame's own: they are not recorded at every step. */
function earlier({ step, layers_step: of }) {
  return Number.isFinite(of) && of !== step ? of : null;
}
