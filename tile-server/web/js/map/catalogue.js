// The catalogue as the page sees it: datasets valid at a moment, and what they link to.

import { read } from '../service.js';
import { dayOf } from '../words.js';

/** Datasets valid at `datetime` (ISO date) or, without it, the latest. Rejects with the server's public sentence. */
export const fetchDatasets = async (datetime) => (await read('datasets', { datetime })).datasets;

/** What was surveyed and planned, without what analyses made of it. */
export const withoutResults = (datasets) => datasets.filter(({ properties }) => !properties?.result_of);

/** All days on which something began to be valid, oldest first. */
export function validDays(datasets) {
  const days = new Set();
  for (const dataset of datasets) for (const revision of dataset.revisions || []) if (revision.valid_from) days.add(dayOf(revision.valid_from));
  return [...days].sort();
}

export function boundsOfAll(datasets) {
  const boxes = datasets.filter((dataset) => dataset.kind !== 'basemap').map((dataset) => dataset.bounds).filter((bounds) => Array.isArray(bounds) && bounds.length === 4);
  if (boxes.length === 0) return null;
  return boxes.reduce((all, box) => [Math.min(all[0], box[0]), Math.min(all[1], box[1]), Math.max(all[2], box[2]), Math.max(all[3], box[3])]);
}
