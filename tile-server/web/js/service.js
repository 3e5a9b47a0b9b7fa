// Talking to the service: JSON in and out, problems as sentences, and the key that makes a repeated post one deed. All addresses are relative to the page, so a base path works.

import { isChinese, say } from './words.js';

export const absolute = (link) => new URL(link, document.baseURI).href;

/** What the service refused, in the page's language. `body` is its whole answer: on 409 it holds the current state. */
export class Problem extends Error {
  constructor(status, body, fallback) {
    super((isChinese() ? body?.detail_zh : body?.detail_en) || body?.detail || body?.title || fallback);
    this.status = status;
    this.body = body;
  }
}

/** A key for one deed. Plain http on an intranet has no `crypto.randomUUID`. */
export const newKey = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');

/** Sends; `body` is JSON or a FormData. Rejects with a Problem. */
export async function send(method, path, body, { key, signal } = {}) {
  const headers = { accept: 'application/json' };
  if (method === 'POST') headers['idempotency-key'] = key || newKey();
  const form = body instanceof FormData;
  if (body !== undefined && !form) headers['content-type'] = 'application/json';
  let response;
  try {
    response = await fetch(absolute(path), { method, headers, signal, body: body === undefined || form ? body : JSON.stringify(body) });
  } catch (cause) {
    if (cause.name === 'AbortError') throw cause;
    throw new Problem(0, null, say('unreachable'));
  }
  const answer = response.status === 204 ? null : await response.json().catch(() => null);
  if (!response.ok) {
    if (response.status === 401 && path !== 'sessions' && path !== 'me') dispatchEvent(new Event('shikong-signed-out'));
    throw new Problem(response.status, answer, `${response.status} ${response.statusText}`);
  }
  return answer;
}

/** Reads JSON; empty members of `query` are left out. */
export function read(path, query = {}, options = {}) {
  const address = new URL(path, document.baseURI);
  for (const [name, value] of Object.entries(query)) if (value !== undefined && value !== null && value !== '') address.searchParams.set(name, value);
  return send('GET', address.href, undefined, options);
}

export const part = encodeURIComponent;
