// What two surveys of the ground say that moved: volumes with their intervals, and whether the surveys fit each other.

import { badge, element, table } from '../element.js';
import { decimal } from '../decimal.js';
import { say } from '../words.js';

const volume = ({ volume_m3: m3 }) => `${decimal(m3, 0)} m³`;
const interval = ({ interval_m3: [low, high] }) => `${say('interval')} ${decimal(low, 0)} – ${decimal(high, 0)} m³`;

export function terrainChange(result) {
  const { loss, gain, net, registration: fit, level_of_detection_m: detection, scale, stamp } = result;
  const figure = (name, of, more) => element('div', { className: 'figure' }, element('small', {}, say(name)), element('b', {}, volume(of)), element('small', {}, interval(of)), more ? element('small', {}, more) : null);
  const depths = ({ mean_m: mean, greatest_m: most }) => `${say('meanDepth')} ${decimal(mean, 2)} / ${decimal(most, 2)}`;
  return [
    stamp ? element('p', {}, badge(stamp, 'warn')) : null,
    element('div', { className: 'figures' }, figure('loss', loss, depths(loss)), figure('gain', gain, depths(gain)), figure('net', net),
      element('div', { className: 'figure' }, element('small', {}, say('levelOfDetection')), element('b', {}, `${decimal(detection, 3)} m`), scale ? element('small', {}, `${say('volumeScale')} ${scale}`) : null)),
    fit ? element('h3', {}, say('fit')) : null,
    fit ? table([
      { title: '', cell: (axis) => say(axis) },
      { title: say('shiftOf'), number: true, cell: (axis) => [fit.shift_m[axis] === null ? '–' : decimal(fit.shift_m[axis], 3), fit.significant[axis] ? [' ', badge(say('significantShift'), 'warn')] : null] },
      { title: say('standardError'), number: true, cell: (axis) => (fit.standard_error_m[axis] === null ? '–' : decimal(fit.standard_error_m[axis], 4)) },
    ], ['east', 'north', 'up'], { className: 'cards' }) : null,
    fit ? element('p', { className: 'hint' }, `${say('spreadOf')} ${decimal(fit.residual.as_delivered.nmad_m, 3)} m · ${say('stableGround')} ${decimal(fit.stable_m2, 0)} m²`) : null,
  ].filter(Boolean);
}

/** Columns of a table of places. */
export const volumeColumns = () => ['loss', 'gain'].flatMap((name) => [
  { title: `${say(name)} m³`, number: true, cell: ({ properties }) => decimal(properties[name].volume_m3, 0) },
  { title: say('interval'), cell: ({ properties }) => properties[name].interval_m3.map((m3) => decimal(m3, 0)).join(' – ') },
]);
