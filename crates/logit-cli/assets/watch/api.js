// Asking the server, and reporting what went wrong.

import { byId, el, prose } from './dom.js';

export async function get(path) {
  let answer;
  try {
    answer = await fetch(path, { cache: 'no-store' });
  } catch {
    throw new Error('the server does not answer. Is `logit watch` still running?');
  }
  const body = await answer.json().catch(() => null);
  if (!answer.ok) throw new Error(body?.error ?? `the server answered ${answer.status}`);
  if (body === null) throw new Error('the server’s answer is not JSON');
  return body;
}

const problems = new Map();

/** Does the work; what goes wrong stands on the page until the same work goes well. */
export async function attempt(what, work) {
  try {
    await work();
    if (problems.delete(what)) drawProblems();
    return true;
  } catch (error) {
    problems.set(what, error.message);
    drawProblems();
    return false;
  }
}

function drawProblems() {
  const alike = new Map();
  for (const [what, message] of problems) alike.set(message, [...alike.get(message) ?? [], what]);
  byId('problems').replaceChildren(...[...alike].map(([message, all]) =>
    el('p', { className: 'problem' }, `Could not load ${all.join(', ')}: `, ...prose(message))));
}
