// The colours of grids that analyses make: differences from loss to gain, depths of water.

/** Loss is red, gain is blue, as geomorphologists draw it; nothing where nothing can be detected. */
const LOSS = ['#7f0010', '#c81d25', '#ef6a4c', '#fbc0a0'];
const GAIN = ['#b7d8ee', '#6aaed6', '#2a78b8', '#08306b'];
const DEPTH = ['#d6eefc', '#9ecae1', '#4f9fd0', '#1f6fb2', '#08306b'];
/** Other grids by name. */
const INKS = { slope: ['#ffffd4', '#fed98e', '#fe9929', '#d95f0e', '#7f2704'], aspect: ['#e8554e', '#f2c14e', '#5fad56', '#4d9de0', '#e8554e'], hillshade: ['#1c1c1c', '#ffffff'], visible: ['#9be29b', '#138a36'] };

/** Steps of a scale that reaches to `most`: 1, 2 or 5 times a power of ten. */
function niceStep(most, steps) {
  const raw = most / steps;
  const power = 10 ** Math.floor(Math.log10(raw));
  return [1, 2, 5, 10].map((factor) => factor * power).find((step) => step >= raw);
}

/** Values and colours from the lowest up; differences of `detection` metres and less are left clear. */
export function rampOf(name, [low, high], detection = 0.05) {
  if (name === 'difference') {
    const most = Math.max(Math.abs(low), Math.abs(high), detection * 2);
    const least = Math.max(detection, most / 1_000);
    const at = (share) => least + (most - least) * share;
    return {
      stops: [
        ...LOSS.map((colour, k) => [-at(1 - k / (LOSS.length - 1)), colour]),
        [-least * 0.999, 'rgba(255,255,255,0)'], [least * 0.999, 'rgba(255,255,255,0)'],
        ...GAIN.map((colour, k) => [at(k / (GAIN.length - 1)), colour]),
      ],
      step: niceStep(most, 4), most, diverging: true,
    };
  }
  const most = Math.max(high, 0.1);
  // Dry ground reads as 0 m.
  const least = most / 1_000;
  const inks = INKS[name] || DEPTH;
  return { stops: [[0, 'rgba(255,255,255,0)'], ...inks.map((colour, k) => [least + ((most - least) * k) / (inks.length - 1), colour])], step: niceStep(most, 4), most, diverging: false };
}

/** The map layer of a grid whose source has the same id. */
export const reliefLayer = (id, name, range, detection) => ({
  id, type: 'color-relief', source: id,
  paint: { 'color-relief-opacity': 0.8, 'color-relief-color': ['interpolate', ['linear'], ['elevation'], ...rampOf(name, range, detection).stops.flat()] },
});
