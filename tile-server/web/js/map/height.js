// The delivered height at a place: read from the terrain tile that keeps its gaps, so that no height is told where none was surveyed.

import { read } from '../service.js';

const SIDE = 256;

/** Metres, or null where the dataset has no height. */
export async function heightAt(dataset, { lng, lat }) {
  const [west, south, east, north] = dataset.bounds;
  if (lng < west || lng > east || lat < south || lat > north) return null;
  const { tiles, maxzoom } = await read(dataset.links.terrain);
  const across = 2 ** maxzoom;
  const sine = Math.sin(lat * Math.PI / 180);
  const x = (lng + 180) / 360 * across;
  const y = (0.5 - Math.log((1 + sine) / (1 - sine)) / (4 * Math.PI)) * across;
  const response = await fetch(tiles[0].replace('{z}', maxzoom).replace('{x}', Math.floor(x)).replace('{y}', Math.floor(y)));
  if (response.status !== 200) return null;
  const picture = await createImageBitmap(await response.blob(), { colorSpaceConversion: 'none', premultiplyAlpha: 'none' });
  const canvas = new OffscreenCanvas(1, 1).getContext('2d');
  canvas.drawImage(picture, -Math.floor((x % 1) * SIDE), -Math.floor((y % 1) * SIDE));
  const [red, green, blue] = canvas.getImageData(0, 0, 1, 1).data;
  // The code of exactly 0 m means that there is no data.
  if (red === 128 && green === 0 && blue === 0) return null;
  return red * 256 + green + blue / 256 - 32768;
}
