// A sample whose answer is a map: its picture under what is true, and under what the pass gave.

import { el, say, wide } from './dom.js';
import { percent, whole } from './format.js';
import { bytesOf, drawPixels, pixelsOf } from './picture.js';

/** The colours of masks in reports and overlays (Okabe and Ito 2008); the first of some classes is the background. */
const COLOURS = [[86, 180, 233], [230, 159, 0], [0, 158, 115], [240, 228, 66], [0, 114, 178], [213, 94, 0], [204, 121, 167]];
const COLOUR = 0.6;          // of a pixel's colour, where a unit is certain; the rest is the picture
const ROWS = 10;             // units listed

export class MapPanel {
  constructor(run, row) {
    this.run = run;
    this.pictures = ['truth', 'predicted'].map(name => el('canvas', { role: 'img', 'aria-label': `Row ${row}: ${name}` }));
    this.body = el('tbody');
    this.note = el('p', { className: 'note' });
    const figures = this.pictures.map((canvas, i) => el('figure', {}, canvas, el('figcaption', {}, ['truth', 'predicted'][i])));
    const heads = ['truth', 'predicted'].map(name => el('th', { scope: 'col', className: 'number value' }, name));
    this.parts = [el('div', { className: 'map-pictures' }, ...figures),
      el('table', {}, el('thead', {}, el('tr', {}, el('th', { scope: 'col' }, 'share of the pixels'), ...heads)), this.body)];
    this.node = el('div', { className: 'map' }, ...this.parts, this.note);
  }

  draw({ picture, map }) {
    const ground = pixelsOf(picture), answers = new Answers(this.run.info, picture.width * picture.height, map);
    const readable = ground !== null && answers.isWhole();
    for (const part of this.parts) part.hidden = !readable;
    if (readable) this.fill(picture, ground, answers); else say(this.note, 'This map cannot be read.');
  }

  fill(picture, ground, answers) {
    const shares = [(unit, pixel) => Number(answers.isTrue(unit, pixel)), (unit, pixel) => answers.probability(unit, pixel)];
    this.pictures.forEach((canvas, i) => drawPixels(canvas, picture, pixel => answers.tinted(ground(pixel), shares[i], pixel)));
    const { truth, decided, right } = answers.counts(), { units, pixels } = answers;
    const listed = units <= ROWS ? [...truth.keys()]
      : [...truth.keys()].sort((a, b) => truth[b] + decided[b] - truth[a] - decided[a]).slice(0, ROWS);
    this.body.replaceChildren(...listed.map(unit => el('tr', {},
      el('th', { scope: 'row' }, swatch(answers.colour(unit)), wide(this.run.unit(unit))),
      ...[truth, decided].map(counts => el('td', { className: 'number' }, percent(counts[unit] / pixels))))));
    say(this.note, `${percent(right / pixels)} of ${whole(pixels)} pixels right${units > ROWS ? `; ${whole(units - ROWS)} more units` : ''}`);
  }
}

/** What is true of the pixels of a map, and what the pass gave for them. */
class Answers {
  constructor({ names, answer }, pixels, { truth, probabilities }) {
    this.exclusive = answer === 'classes' || answer === 'grades';
    this.truth = bytesOf(truth);
    this.given = bytesOf(probabilities);
    this.pixels = pixels;
    this.units = names.length || Math.floor(this.given.length / pixels);
  }

  isWhole() { return this.truth.length >= this.pixels && this.given.length >= this.units * this.pixels; }
  isTrue(unit, pixel) { return this.exclusive ? this.truth[pixel] === unit : (this.truth[pixel] >> unit & 1) === 1; }
  probability(unit, pixel) { return this.given[unit * this.pixels + pixel] / 255; }

  colour(unit) {
    const at = this.exclusive ? unit - 1 : unit;
    return at < 0 ? null : COLOURS[at % COLOURS.length];
  }

  /** A pixel's colour under those of the units, each by its share. */
  tinted(ground, share, pixel) {
    let sum = 0;
    const mixed = [0, 0, 0];
    for (let unit = 0; unit < this.units; unit++) {
      const colour = this.colour(unit), part = share(unit, pixel);
      if (!colour || part === 0) continue;
      sum += part;
      colour.forEach((value, c) => { mixed[c] += part * value; });
    }
    if (sum === 0) return ground;
    const much = COLOUR * Math.min(1, sum);
    return ground.map((value, c) => (1 - much) * value + much * mixed[c] / sum);
  }

  /** Of each unit how many pixels have it and are decided for it, and how many pixels are right. */
  counts() {
    const all = [...Array(this.units).keys()], truth = all.map(() => 0), decided = all.map(() => 0);
    let right = 0;
    for (let pixel = 0; pixel < this.pixels; pixel++) {
      const values = all.map(unit => this.probability(unit, pixel)), best = values.indexOf(Math.max(...values));
      let same = true;
      for (const unit of all) {
        const is = this.isTrue(unit, pixel), told = this.exclusive ? unit === best : values[unit] >= 0.5;
        truth[unit] += is;
        decided[unit] += told;
        same &&= is === told;
      }
      right += same;
    }
    return { truth, decided, right };
  }
}

function swatch(colour) {
  const node = el('span', { className: 'swatch', 'aria-hidden': 'true' });
  if (colour) node.style.background = `rgb(${colour.join(' ')})`;
  return node;
}
