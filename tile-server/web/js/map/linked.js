// One to four maps that move as one, side by side or one over the other with a line to pull across (卷帘). One of them is active: list, legend and time are its own.

import { element } from '../element.js';
import { dayOf, say } from '../words.js';
import { MapView } from './view.js';

const VIEWS = { single: 1, swipe: 2, two: 2, three: 3, four: 4 };
/** How far an arrow key moves the line, in percent. */
const STEP = 2;

export class Linked {
  constructor(container, { onActive, onClick, firstView }) {
    Object.assign(this, { container, onActive, onClick, mode: 'single', views: [], share: 50 });
    this.handle = element('div', { className: 'swipe-handle', role: 'slider', tabIndex: 0, 'aria-valuemin': 0, 'aria-valuemax': 100 }, element('span', {}, '⇔'));
    this.handle.addEventListener('pointerdown', (event) => this.#pull(event));
    this.handle.addEventListener('keydown', (event) => {
      const by = { ArrowLeft: -STEP, ArrowRight: STEP }[event.key];
      if (by) { this.#setShare(this.share + by); event.preventDefault(); }
    });
    this.#add(firstView);
    this.active = this.views[0];
    container.dataset.mode = 'single';
  }

  #add(firstView, datetime) {
    const cell = element('div', { className: 'map-cell' });
    const chip = element('button', { className: 'view-chip', type: 'button', onclick: () => this.activate(view) });
    const canvas = element('div', { className: 'map-canvas', role: 'application' });
    cell.append(canvas, chip);
    this.container.append(cell);
    const first = this.views.length === 0;
    const view = new MapView(canvas, { datetime, navigation: first ? 'top-right' : null, scale: first ? 'bottom-right' : null, firstView });
    Object.assign(view, { cell, chip });
    view.map.on('move', () => this.#follow(view));
    view.map.on('click', (event) => { this.activate(view); this.onClick(view, event); });
    this.views.push(view);
    return view;
  }

  #follow(leader) {
    if (this.following) return;
    this.following = true;
    const { map } = leader;
    for (const view of this.views) if (view !== leader) view.map.jumpTo({ center: map.getCenter(), zoom: map.getZoom(), bearing: map.getBearing(), pitch: map.getPitch() });
    this.following = false;
  }

  activate(view) {
    if (this.active === view) return;
    this.active = view;
    this.label();
    this.onActive();
  }

  /** Shows as many maps as the mode wants; a new one starts with the active one's layers and day. */
  async setMode(mode) {
    const from = this.active;
    const state = new Map([...from.stack.entries].map(([slug, { visible, opacity }]) => [slug, visible ? opacity : 0]));
    this.mode = mode;
    this.container.dataset.mode = mode;
    while (this.views.length > VIEWS[mode]) {
      const gone = this.views.pop();
      if (this.active === gone) [this.active] = this.views;
      gone.remove();
      gone.cell.remove();
    }
    const added = [];
    while (this.views.length < VIEWS[mode]) added.push(this.#add((dataset) => state.get(dataset.slug), from.datetime));
    if (mode === 'swipe') this.container.append(this.handle);
    else this.handle.remove();
    this.#setShare(this.share);
    this.resize();
    this.label();
    this.#follow(from);
    await Promise.all(added.map(async (view) => { await view.load(); view.asked = null; }));
    this.#follow(from);
    this.label();
  }

  resize() {
    for (const view of this.views) view.map.resize();
  }

  /** Names the maps by number and day where there are several. */
  label() {
    const several = this.views.length > 1;
    this.views.forEach((view, at) => {
      view.chip.hidden = !several;
      view.chip.textContent = `${say('viewNumber', { n: at + 1 })} · ${view.datetime ? dayOf(view.datetime) : say('latest')}`;
      view.chip.setAttribute('aria-pressed', String(view === this.active));
      view.cell.classList.toggle('active', several && view === this.active);
    });
    this.handle.setAttribute('aria-label', say('swipeHandle'));
  }

  #setShare(share) {
    this.share = Math.max(0, Math.min(100, share));
    this.container.style.setProperty('--swipe', `${this.share}%`);
    this.handle.setAttribute('aria-valuenow', Math.round(this.share));
  }

  #pull(event) {
    this.handle.setPointerCapture(event.pointerId);
    const move = ({ clientX }) => {
      const box = this.container.getBoundingClientRect();
      this.#setShare(((clientX - box.left) / box.width) * 100);
    };
    this.handle.addEventListener('pointermove', move);
    this.handle.addEventListener('pointerup', () => this.handle.removeEventListener('pointermove', move), { once: true });
  }
}
