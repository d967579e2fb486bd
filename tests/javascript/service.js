// The services that the tests talk to, as a front end does: started by tests/server/javascript.rs, which says where.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, it as unbounded } from 'node:test';
import { io } from 'socket.io-client';

/** Longest wait for anything, in milliseconds: a render on a slow machine. */
const PATIENCE = 120_000;

/** A test that says so when it waits for ever. */
export const it = (name, ...rest) => {
  const [test, options] = rest.reverse();
  unbounded(name, { timeout: 2 * PATIENCE, ...options }, test);
};

const wanted = (name) => {
  assert.ok(process.env[name], `${name} is not set: run this by cargo test`);
  return process.env[name];
};

/** One service without a login, and one with. */
export const SERVICES = [
  { name: 'open', url: wanted('VFXB_OPEN'), login: false },
  { name: 'with a login', url: wanted('VFXB_LOGIN'), login: true },
];

/** A film of ten seconds, 320×240, 25 pictures a second. */
export const FILM = wanted('VFXB_FILM');

let people = 0;

// A socket that is left open, as by a test that fails, keeps the process from ending.
const sockets = [];
after(() => sockets.forEach((made) => made.close()));

/** Somebody new: what their requests and sockets carry. */
export async function person(service) {
  if (!service.login) return { service };
  people += 1;
  const email = `person-${process.pid}-${people}@example.org`;
  const body = await request({ service }, 'POST', '/api/auth/register', { email, password: 'correct horse battery' });
  return { service, token: body.token };
}

/** What a request that must be taken answers. */
export async function request(person, method, path, body) {
  const headers = person.token ? { authorization: `Bearer ${person.token}` } : {};
  if (body && !(body instanceof FormData)) {
    headers['content-type'] = 'application/json';
    body = JSON.stringify(body);
  }
  const response = await fetch(person.service.url + path, { method, headers, body });
  const text = await response.text();
  assert.ok(response.ok, `${method} ${path}: ${response.status} ${text}`);
  return text ? JSON.parse(text) : null;
}

/** Uploads the film by a form; its id. */
export async function upload(person) {
  const form = new FormData();
  form.append('video', new Blob([await readFile(FILM)]), 'film.mp4');
  return (await request(person, 'POST', '/api/video/upload', form)).videoId;
}

/** A socket that is not connected yet, and everything that it is told. */
export function socket(person, transport, options = {}) {
  const auth = person.token ? { token: person.token } : undefined;
  const made = io(person.service.url, {
    transports: [transport],
    auth,
    forceNew: true,
    reconnection: false,
    ...options,
  });
  sockets.push(made);
  made.told = [];
  made.onAny((event, ...payloads) => made.told.push([event, ...payloads]));
  return made;
}

/** A socket that is connected. */
export async function connected(person, transport, options) {
  const made = socket(person, transport, options);
  await new Promise((resolve, reject) => {
    made.once('connect', resolve);
    made.once('connect_error', reject);
  });
  return made;
}

/** What a socket that may not connect is told. */
export async function refused(person, transport, options) {
  const made = socket(person, transport, options);
  const error = await new Promise((resolve, reject) => {
    made.once('connect', () => reject(new Error('it connected')));
    made.once('connect_error', resolve);
  });
  made.close();
  return error;
}

/** The payload of the first event of a name that fits, told already or to come. */
export function told(made, event, fits = () => true) {
  const found = () => made.told.find(([name, payload]) => name === event && fits(payload));
  return new Promise((resolve, reject) => {
    const look = () => {
      const hit = found();
      if (!hit) return;
      clearTimeout(timer);
      made.offAny(look);
      resolve(hit[1]);
    };
    const late = () => reject(new Error(`no ${event} among ${JSON.stringify(made.told)}`));
    const timer = setTimeout(late, PATIENCE);
    made.onAny(look);
    look();
  });
}
