// Going to a step.

import { loadFrame } from './feed.js';
import { paint } from './paint.js';
import { currentStep, lastAtOrBefore, recordedSteps, shown, view } from './runs.js';

/** Goes to a step and leaves live; the newest frame is followed again only on request. */
export function seek(step, live = false) {
  Object.assign(view, { step, live });
  paint();
  for (const run of shown()) loadFrame(run);
}

export function move(by) {
  const steps = recordedSteps(), now = lastAtOrBefore(steps, currentStep() ?? 0);
  if (steps.length) seek(steps[Math.min(steps.length - 1, Math.max(0, now + by))]);
}
