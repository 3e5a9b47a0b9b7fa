// Two days of the catalogue over each other on a work map, with a line to pull across (卷帘): the earlier at the left.

import { element } from '../element.js';
import { dayOf, say } from '../words.js';
import { MapView } from './view.js';

/** How far an arrow key moves the line, in percent. */
const STEP = 2;

export class Swipe {
  /** `before` and `after` are days; `shown(dataset)` says at which opacity a dataset of the earlier day is shown. */
  constructor(work, before, after, shown) {
    this.work = work;
    this.share = 50;
    this.cell = element('div', { className: 'swipe-cell' });
    this.canvas = element('div', { className: 'map-canvas', role: 'application' });
    this.cell.append(this.canvas);
    this.handle = element('div', { className: 'swipe-line', role: 'slider', tabIndex: 0, 'aria-label': say('swipeHandle'), 'aria-valuemin': 0, 'aria-valuemax': 100 }, element('span', {}, '⇔'));
    this.chips = [before, after].map((day, at) => element('b', { className: `swipe-chip ${at ? 'right' : 'left'}` }, `${say(at ? 'epochAfter' : 'epochBefore')} ${dayOf(day)}`));
    work.container.append(this.cell, this.handle, ...this.chips);
    this.handle.addEventListener('pointerdown', (event) => this.#pull(event));
    this.handle.addEventListener('keydown', (event) => {
      const by = { ArrowLeft: -STEP, ArrowRight: STEP }[event.key];
      if (by) { this.#setShare(this.share + by); event.preventDefault(); }
    });
    this.view = new MapView(this.canvas, { datetime: before, navigation: null, scale: null, firstView: shown });
    this.follow = () => this.#copy(work.map, this.view.map);
    this.lead = () => this.#copy(this.view.map, work.map);
    work.map.on('move', this.follow);
    this.view.map.on('move', this.lead);
    this.#setShare(50);
    this.follow();
    this.ready = Promise.all([this.view.load(), work.view.load(after)]).then(() => {
      // What the day brought lies above what was there.
      work.raise();
      this.follow();
    });
  }

  #copy(from, to) {
    if (this.copying) return;
    this.copying = true;
    to.jumpTo({ center: from.getCenter(), zoom: from.getZoom(), bearing: from.getBearing(), pitch: from.getPitch() });
    this.copying = false;
  }

  #setShare(share) {
    this.share = Math.max(0, Math.min(100, share));
    this.work.container.style.setProperty('--swipe', `${this.share}%`);
    this.handle.setAttribute('aria-valuenow', Math.round(this.share));
  }

  #pull(event) {
    this.handle.setPointerCapture(event.pointerId);
    const move = ({ clientX }) => {
      const box = this.work.container.getBoundingClientRect();
      this.#setShare(((clientX - box.left) / box.width) * 100);
    };
    this.handle.addEventListener('pointermove', move);
    this.handle.addEventListener('pointerup', () => this.handle.removeEventListener('pointermove', move), { once: true });
  }

  remove() {
    this.work.map.off('move', this.follow);
    this.view.remove();
    for (const part of [this.cell, this.handle, ...this.chips]) part.remove();
  }
}
