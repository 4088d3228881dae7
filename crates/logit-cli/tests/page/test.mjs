// Drives the page in headless Chromium, against mock.py or against a server that is already there.
//
//     node test.mjs [--url http://127.0.0.1:6060/] [--only=WORDS] [--shots]
//
// --shots writes pictures to shots/.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

const { url: real, only, shots } = parseArgs({
  options: { url: { type: 'string' }, only: { type: 'string' }, shots: { type: 'boolean' } },
}).values;
const { chromium } = createRequire(import.meta.url)(process.env.PLAYWRIGHT ?? 'playwright-core');
const here = name => join(import.meta.dirname, name);
const pause = ms => new Promise(done => setTimeout(done, ms));
if (shots) mkdirSync(here('shots'), { recursive: true });

const children = [];
async function mock(...words) {
  const child = spawn('python3', [here('mock.py'), '--port', '0', ...words], { stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  const url = await new Promise(done => child.stdout.once('data', data => done(String(data).trim())));
  return { url };
}

const profile = mkdtempSync(join(tmpdir(), 'watch-'));
const context = await chromium.launchPersistentContext(profile, {
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', headless: true, viewport: { width: 1280, height: 900 },
  args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync'],
});

async function open(url, { width = 1280, height = 900, dark = false } = {}) {
  const page = await context.newPage();
  page.complaints = [];
  page.outside = [];
  page.on('console', message => { if (['error', 'warning'].includes(message.type())) page.complaints.push(message.text()); });
  page.on('pageerror', error => page.complaints.push(`${error.message}\n${error.stack}`));
  page.on('request', request => { if (!request.url().startsWith(url)) page.outside.push(request.url()); });
  await page.setViewportSize({ width, height });
  await page.emulateMedia({ colorScheme: dark ? 'dark' : 'light' });
  await page.goto(url);
  return page;
}

async function ready(page) {
  await page.waitForSelector('.frame:not([hidden]) .fill', { state: 'attached', timeout: 15000 });
  await page.waitForSelector('#loss path.line', { state: 'attached' });
  await pause(400);
}

const shot = async (page, name) => shots && page.screenshot({ path: here(`shots/${name}.png`), fullPage: true });
const bars = page => page.$$eval('.frame:not([hidden]) .bars table:not([hidden]) td.number:not(.logit)', cells => cells.map(cell => cell.textContent).join());
const live = (page, on) => page.waitForFunction(on => document.getElementById('live').getAttribute('aria-pressed') === String(on), on, { timeout: 5000 });
const place = page => page.textContent('#place');
const room = page => page.$$eval('.track', all => Math.min(...all.filter(track => track.checkVisibility()).map(track => track.clientWidth)));
const fits = page => page.evaluate(() => document.documentElement.scrollWidth <= innerWidth);
const quiet = page => {
  assert.deepEqual(page.complaints, []);
  assert.deepEqual(page.outside, []);
};

/** Words whose contrast with what is behind them is under 4.5. */
const faint = page => page.evaluate(() => {
  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const rgba = css => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = css; canvas.fillRect(0, 0, 1, 1); return [...canvas.getImageData(0, 0, 1, 1).data]; };
  const light = ([r, g, b]) => [r, g, b].map(v => v / 255).map(v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
  const behind = node => { for (; node; node = node.parentElement) { const colour = rgba(getComputedStyle(node).backgroundColor); if (colour[3] > 250) return colour; } return [255, 255, 255]; };
  const found = [];
  for (const node of document.querySelectorAll('body *')) {
    const own = [...node.childNodes].some(child => child.nodeType === 3 && child.textContent.trim());
    if (!own || !node.checkVisibility() || node.closest('option, .hidden, .skip, title')) continue;
    const style = getComputedStyle(node), ink = light(rgba(node.closest('svg') ? style.fill : style.color)), ground = light(behind(node));
    const contrast = (Math.max(ink, ground) + .05) / (Math.min(ink, ground) + .05);
    if (contrast < 4.5) found.push(`${node.tagName}.${node.getAttribute('class')} "${node.textContent.trim().slice(0, 30)}" ${contrast.toFixed(2)}`);
  }
  return [...new Set(found)];
});

const mocked = {
  async 'two runs, the slider and live'() {
    const { url } = await mock('--steps', '100000');
    const page = await open(url);
    await ready(page);
    assert.equal(await page.$$eval('.run', all => all.length), 2);
    assert.equal(await page.$$eval('#loss path.line', all => all.length), 6, 'three lines per run');
    assert.ok(await room(page) >= 60, `bars have room: ${await room(page)}`);
    await shot(page, 'light');

    assert.equal(await page.$eval('[role=tab][aria-selected=true]', tab => tab.textContent), 'Bdigits-wide', 'the run in training comes first');
    assert.match(await place(page), /newest step of each run/);
    const shownStep = () => page.textContent('.frame:not([hidden]) dd'), before = await shownStep();
    await page.waitForFunction(old => document.querySelector('.frame:not([hidden]) dd').textContent !== old, before, { timeout: 20000 });
    await page.focus('#slider');
    await page.keyboard.press('Home');
    await page.waitForFunction(() => document.getElementById('place').textContent.startsWith('step 1 '));
    await live(page, false);   // moving leaves live
    await pause(300);
    const first = await bars(page), drawn = await page.$eval('#loss .cursor', line => line.getAttribute('x1'));
    for (let i = 0; i < 4; i++) await page.keyboard.press('PageUp');
    await page.waitForFunction(() => document.querySelector('.frame:not([hidden]) dd').textContent !== '1');
    await pause(300);
    assert.notEqual(await bars(page), first, 'the bars change with the step');
    assert.notEqual(await page.$eval('#loss .cursor', line => line.getAttribute('x1')), drawn, 'the cursor moves');
    const held = await place(page);
    await pause(1500);
    assert.equal((await place(page)).split(' of')[0], held.split(' of')[0], 'a chosen step stays while the run continues');

    await page.keyboard.press('j');
    await page.waitForFunction(old => document.getElementById('place').textContent.split(' of')[0] !== old, held.split(' of')[0]);
    await page.keyboard.press('k');
    await page.waitForFunction(old => document.getElementById('place').textContent.split(' of')[0] === old, held.split(' of')[0]);
    await page.evaluate(() => document.activeElement.blur());
    await page.keyboard.press('ArrowLeft');
    await page.waitForFunction(old => document.getElementById('place').textContent.split(' of')[0] !== old, held.split(' of')[0]);
    await page.keyboard.press('l');
    await live(page, true);

    const box = await (await page.$('#loss svg')).boundingBox();
    await page.mouse.click(box.x + box.width / 2, box.y + 80);
    await live(page, false);   // a click on a chart goes to that step
    quiet(page);
    await page.close();
  },

  async 'findings arrive live and lead to their step'() {
    const { url } = await mock('--steps', '100000');
    const page = await open(url);
    await ready(page);
    const count = () => page.$$eval('#findings li', all => all.length);
    const before = await count();
    assert.equal(await page.getAttribute('#findings', 'aria-live'), 'polite');
    await page.waitForFunction(old => document.querySelectorAll('#findings li').length > old, before, { timeout: 30000 });
    const words = await page.textContent('#findings');
    for (const word of ['Why', 'Fix', 'Warning', 'Advice', 'before training']) assert.ok(words.includes(word), word);
    await page.click('#findings button >> nth=-1');
    await page.waitForFunction(() => document.getElementById('place').textContent.startsWith('step 20 '));
    quiet(page);
    await page.close();
  },

  async 'keyboard, tabs, tick-boxes, layers'() {
    const { url } = await mock('--steps', '100000');
    const page = await open(url);
    await ready(page);
    const reached = new Set();
    for (let i = 0; i < 40; i++) {
      await page.keyboard.press('Tab');
      reached.add(await page.evaluate(() => document.activeElement.id || document.activeElement.getAttribute('role') || document.activeElement.className || document.activeElement.tagName));
      if (i > 1) assert.ok(await page.evaluate(() => document.activeElement === document.body || getComputedStyle(document.activeElement).outlineStyle !== 'none'
        || document.activeElement.type === 'checkbox' || document.activeElement.type === 'range'), 'focus is visible');
    }
    for (const stop of ['slider', 'live', 'log', 'metric', 'tab']) assert.ok(reached.has(stop), `Tab reaches ${stop}: ${[...reached]}`);

    await page.focus('[role=tab][aria-selected=true]');
    await page.keyboard.press('ArrowRight');
    await page.waitForFunction(() => document.querySelector('[role=tab][aria-selected=true]').textContent === 'Adigits');
    await pause(300);
    assert.equal(await page.$$eval('.frame:not([hidden])', all => all.length), 1);
    const layer = await page.$('.frame:not([hidden]) .layer-table button');
    await layer.focus();
    await page.keyboard.press('Enter');
    await page.waitForSelector('.frame:not([hidden]) .history path.line', { state: 'attached' });
    const words = () => page.textContent('.frame:not([hidden]) .stack > .panel:last-child');
    await page.focus('#slider');
    await page.keyboard.press('Home');
    await page.waitForFunction(() => document.querySelector('.frame:not([hidden]) dd').textContent === '1');
    assert.doesNotMatch(await words(), /As of step/);
    await page.keyboard.press('k');
    await page.waitForFunction(() => document.querySelector('.frame:not([hidden]) dd').textContent === '10');
    assert.match(await words(), /As of step 1:/, 'the step of layers that are older than the frame');
    assert.equal(await layer.getAttribute('aria-expanded'), 'true');
    await shot(page, 'history');

    await page.selectOption('#metric', 'epoch:log_loss');
    await page.waitForFunction(() => document.querySelector('#curve .unit').textContent === 'log loss');
    await page.uncheck('#log');
    await page.waitForFunction(() => document.querySelector('#loss .unit').textContent === 'loss');
    await page.uncheck('.run >> nth=1 >> input');
    await page.waitForFunction(() => document.querySelectorAll('#loss path.line').length === 3);
    assert.equal(await page.isVisible('[role=tablist]'), false);
    await page.uncheck('.run >> nth=0 >> input');
    await page.waitForSelector('text=No run is ticked.');
    quiet(page);
    await page.close();
  },

  async 'side by side when wide, dark'() {
    const { url } = await mock('--steps', '100000');
    const page = await open(url, { width: 1680, height: 1000, dark: true });
    await ready(page);
    assert.equal(await page.$$eval('.frame:not([hidden])', all => all.length), 2);
    assert.equal(await page.isVisible('[role=tablist]'), false);
    assert.ok(await room(page) >= 60, `bars have room: ${await room(page)}`);
    await shot(page, 'dark');
    assert.deepEqual(await faint(page), []);
    quiet(page);
    await page.close();
  },

  async 'a phone'() {
    const { url } = await mock('--steps', '100000');
    const page = await open(url, { width: 360, height: 740 });
    await ready(page);
    assert.ok(await fits(page), 'no scrolling sideways');
    assert.ok(await room(page) >= 60, `bars have room: ${await room(page)}`);
    await shot(page, 'phone');
    assert.deepEqual(await faint(page), []);
    quiet(page);
    await page.close();
  },

  async 'other answers, hostile names, a hundred classes, missing numbers'() {
    const { url } = await mock('--scene', 'odd');
    for (const width of [1280, 360]) {
      const page = await open(url, { width });
      await ready(page).catch(() => {});
      await page.waitForSelector('[role=tab]');
      await page.check('.run >> nth=4 >> input');
      for (let i = 0; i < 5; i++) {
        await page.click(`[role=tab] >> nth=${i}`);
        await pause(500);
        assert.ok(await fits(page), `run ${i} at ${width}`);
        const drawn = () => Array.from(document.querySelectorAll('.frame:not([hidden]) figure svg')).every(chart => Math.abs(chart.viewBox.baseVal.width - chart.clientWidth) < 2);
        await page.waitForFunction(drawn, null, { timeout: 10000 }).catch(() => assert.fail('charts are drawn at their size'));
        await shot(page, `odd${i}-${width}`);
        const words = await page.textContent('.frame:not([hidden])');
        if (i === 0) assert.ok(words.includes('logit') && !words.includes('softmax'), 'values have no probabilities');
        if (i === 1) assert.ok(words.includes('not finite') && words.includes('<img src=x'), 'null and hostile');
        if (i === 2) assert.ok(/and 9\d more/.test(words) && words.includes('Show more of the other 28'), 'the top ten of a hundred');
        if (i === 3) assert.ok(words.includes('logits of the thresholds'));
        if (i === 4) assert.ok(words.includes('Nothing recorded so far'));
      }
      assert.equal(await page.$$eval('main img', all => all.length), 0);
      assert.ok(!/NaN|undefined|Infinity|\[object/.test(await page.textContent('body')));
      quiet(page);
      await page.close();
    }
  },

  async 'maps that grow, and samples that differ from pass to pass'() {
    const { url } = await mock('--scene', 'shown');
    for (const width of [1280, 360]) {
      const page = await open(url, { width });
      const card = '.frame:not([hidden]) .sample-card';
      const first = selector => page.$eval(`${card} ${selector}`, node => node.textContent);
      const drawn = () => page.$$eval(`${card}:first-child canvas`, all => all.filter(canvas => canvas.checkVisibility()).map(canvas => canvas.toDataURL()));
      const right = async () => parseFloat(await first('.map .note'));
      const to = async key => {
        const before = await page.textContent('.frame:not([hidden]) dd');
        await page.focus('#slider');
        await page.keyboard.press(key);
        await page.waitForFunction(old => document.querySelector('.frame:not([hidden]) dd').textContent !== old, before);
        await pause(300);
      };
      await page.waitForSelector('[role=tab]');
      await page.click('[role=tab] >> nth=0');
      await page.waitForSelector(`${card} .map`);
      await pause(400);
      assert.equal((await drawn()).length, 2, 'truth and prediction, and no bars');
      assert.ok(await right() > 90 && /boundary/.test(await first('.map tbody')));
      const last = await drawn();
      await shot(page, `maps-${width}`);
      await to('Home');
      await to('k');
      await to('k');
      assert.ok(await right() < 90, `the mask has yet to grow: ${await right()}`);
      assert.notDeepEqual(await drawn(), last);

      await page.click('[role=tab] >> nth=1');
      await pause(400);
      const words = await page.textContent('.frame:not([hidden])');
      assert.ok(words.includes('<img src=x') && words.includes('This map cannot be read.'), 'hostile names, a damaged map');
      await page.click('[role=tab] >> nth=2');
      await pause(400);
      const pair = async () => [await first('p b'), ...await drawn()], early = await pair();
      assert.match(early[0], /^(100|0) \(\d and \d\)$/);
      assert.ok((await first('.of')).includes('another each time'));
      await to('End');
      assert.notDeepEqual(await pair(), early);
      await shot(page, `pairs-${width}`);
      assert.ok(await fits(page), `no scrolling sideways at ${width}`);
      assert.deepEqual(await faint(page), []);
      assert.ok(!/NaN|undefined|Infinity|\[object/.test(await page.textContent('body')));
      quiet(page);
      await page.close();
    }
  },

  async 'from nothing to the first frames, and no run at all'() {
    const { url } = await mock('--scene', 'one', '--pace', '1.2');
    const page = await open(url);
    await page.waitForSelector('text=Nothing recorded so far');
    await shot(page, 'nothing');
    await ready(page);
    quiet(page);
    await page.close();
    const none = await open((await mock('--scene', 'none')).url);
    await none.waitForSelector('text=There is no run to show');
    quiet(none);
    await none.close();
  },

  async 'the connection is lost, said, and regained; failed fetches are reported'() {
    const { url } = await mock('--steps', '100000');
    const page = await open(url);
    await ready(page);
    await page.waitForSelector('text=Connected');
    await page.route('**/api/**', route => route.abort());
    await fetch(`${url}/mock/quit`, { method: 'POST' });
    await page.waitForSelector('text=Connection lost');
    await page.focus('#slider');
    await page.keyboard.press('Home');
    await page.waitForSelector('.problem');
    await shot(page, 'lost');
    assert.ok(await page.isVisible('.frame:not([hidden]) .bars tr:first-child .number'), 'what was there stays');
    await page.unroute('**/api/**');
    await page.waitForSelector('text=Connected again', { timeout: 20000 });
    await page.waitForFunction(() => !document.querySelector('.problem'), null, { timeout: 10000 });
    assert.deepEqual(page.complaints.filter(text => !/ERR_FAILED|ERR_INCOMPLETE|Failed to load/.test(text)), []);
    await page.close();
  },

  async 'an event costs little'() {
    const { url } = await mock('--steps', '100000', '--pace', '.1');
    const page = await open(url);
    await ready(page);
    await page.evaluate(() => {
      window.changes = 0;
      window.slow = 0;
      new MutationObserver(all => { window.changes += all.some(change => change.target.closest?.('dl')) ? 1 : 0; }).observe(document.body, { childList: true, subtree: true });
      new PerformanceObserver(list => { window.slow = Math.max(window.slow, ...list.getEntries().map(entry => entry.duration)); }).observe({ type: 'longtask' });
    });
    const cdp = await context.newCDPSession(page);
    await cdp.send('Performance.enable');
    const busy = async () => (await cdp.send('Performance.getMetrics')).metrics.find(metric => metric.name === 'TaskDuration').value;
    const start = await busy();
    await pause(5000);
    const cost = { share: (await busy() - start) / 5, ...await page.evaluate(() => ({ changes, slow })) };
    console.log('   ', JSON.stringify(cost));
    assert.ok(cost.changes <= 25 && cost.share < 0.5);
    quiet(page);
    await page.close();
  },
};

const step = page => page.textContent('.frame:not([hidden]) dd');
const toOther = (page, old) => page.waitForFunction(old => document.querySelector('.frame:not([hidden]) dd').textContent !== old, old, { timeout: 10000 });

/** What must hold of any run that has recorded more than two steps. */
const against = {
  async 'the slider drives the bars and the cursor'() {
    const page = await open(real);
    await ready(page);
    const shown = async () => [await bars(page), await page.$eval('#loss .cursor', line => line.getAttribute('x1')), await step(page)];
    await page.focus('#slider');
    await page.keyboard.press('Home');
    await live(page, false);
    await pause(500);
    const first = await shown();
    await page.keyboard.press('End');
    await toOther(page, first[2]);
    await pause(300);
    const last = await shown();
    last.forEach((now, i) => assert.notEqual(now, first[i], ['bars', 'cursor', 'step'][i]));
    const box = await (await page.$('#loss svg')).boundingBox();
    await page.mouse.click(box.x + box.width / 2, box.y + 80);
    await toOther(page, last[2]);   // a click on a chart goes to that step
    await shot(page, 'real');
    quiet(page);
    await page.close();
  },

  async 'the keyboard'() {
    const page = await open(real);
    await ready(page);
    await page.focus('#slider');
    await page.keyboard.press('Home');
    await live(page, false);
    await page.evaluate(() => document.activeElement.blur());
    for (const [there, back] of [['k', 'j'], ['ArrowRight', 'ArrowLeft']]) {
      const before = await place(page);
      for (const key of [there, back]) {
        const now = (await place(page)).split(',')[0];
        await page.keyboard.press(key);
        await page.waitForFunction(old => document.getElementById('place').textContent.split(',')[0] !== old, now);
      }
      assert.equal((await place(page)).split(' of')[0], before.split(' of')[0], `${back} undoes ${there}`);
    }
    await page.keyboard.press('l');
    await live(page, true);
    const layer = await page.$('.frame:not([hidden]) .layer-table button');
    await layer.focus();
    await page.keyboard.press('Enter');
    await page.waitForFunction(button => button.getAttribute('aria-expanded') === 'true', layer);
    await page.waitForSelector('.frame:not([hidden]) .history path.line', { state: 'attached' });
    quiet(page);
    await page.close();
  },

  async 'every panel, narrow and wide, light and dark'() {
    for (const [width, dark] of [[1280, false], [1680, true], [360, false], [360, true]]) {
      const page = await open(real, { width, dark });
      await ready(page);
      await page.waitForSelector('text=Connected');
      for (const tab of await page.$$('[role=tab]')) {
        if (await tab.isVisible()) await tab.click();
        await pause(500);
        assert.ok(await fits(page), `no scrolling sideways at ${width}`);
      }
      assert.ok(!/NaN|undefined|Infinity|\[object/.test(await page.textContent('body')));
      assert.deepEqual(await faint(page), []);
      assert.equal(await page.$('.problem:not(noscript *)'), null);
      await shot(page, `real-${width}-${dark ? 'dark' : 'light'}`);
      quiet(page);
      await page.close();
    }
  },

  async 'what is being trained grows by itself'() {
    const states = (await (await fetch(new URL('/api/runs', real))).json()).map(run => run.state);
    if (!states.includes('training')) return 'no run is in training';
    const page = await open(real);
    await ready(page);
    const grown = await page.$eval('#slider', slider => Number(slider.max));
    await page.waitForFunction(old => Number(document.getElementById('slider').max) > old, grown, { timeout: 60000 });
    assert.equal(await page.getAttribute('#live', 'aria-pressed'), 'true');
    quiet(page);
    await page.close();
  },
};

// A test that cannot be made here returns why.
const count = { passed: 0, failed: 0, skipped: 0 };
for (const [name, test] of Object.entries(real ? against : mocked)) {
  if (only && !name.includes(only)) continue;
  try {
    const why = await test();
    count[why ? 'skipped' : 'passed']++;
    console.log(why ? `skipped ${name}: ${why}` : `ok      ${name}`);
  } catch (error) {
    count.failed++;
    console.log(`FAILED  ${name}\n${error.stack}`);
  }
  for (const child of children.splice(0)) child.kill();
}
await context.close();
rmSync(profile, { recursive: true, force: true });
console.log(`${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped`);
process.exit(count.failed ? 1 : 0);
