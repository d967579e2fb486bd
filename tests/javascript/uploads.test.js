// The official tus client uploads, is cut off, resumes and terminates.

import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe } from 'node:test';
import tus from 'tus-js-client';
import { FILM, SERVICES, it, person, request } from './service.js';

/** Bytes that are sent at once: the film has ten times as many. */
const PIECE = 2 << 10;

/** Runs an upload until it has succeeded, or until `stop` says so after a piece. */
function run(film, options, previous, stop) {
  return new Promise((resolve, reject) => {
    const upload = new tus.Upload(film, {
      ...options,
      onError: reject,
      onSuccess: () => resolve(upload),
      onChunkComplete: (_, accepted) => {
        if (stop?.(accepted)) upload.abort().then(() => resolve(upload), reject);
      },
    });
    if (previous) upload.resumeFromPreviousUpload(previous);
    upload.start();
  });
}

for (const service of SERVICES) {
  describe(`tus, ${service.name}`, () => {
    const options = async (who) => ({
      endpoint: `${service.url}/api/tus`,
      chunkSize: PIECE,
      retryDelays: null,
      metadata: { filename: 'a film.mp4', filetype: 'video/mp4' },
      headers: who.token ? { authorization: `Bearer ${who.token}` } : {},
    });

    it('uploads in pieces', async () => {
      const who = await person(service);
      const film = await readFile(FILM);
      await run(film, await options(who));
      const { videos } = await request(who, 'GET', '/api/video?sort=-createdAt');
      assert.equal(videos[0].originalName, 'a film.mp4');
      assert.equal(videos[0].size, film.length);
    });

    it('is cut off, and resumes where it was', async () => {
      const who = await person(service);
      const film = await readFile(FILM);
      const folder = await mkdtemp(join(tmpdir(), 'vfxb-tus-'));
      try {
        const urlStorage = new tus.FileUrlStorage(join(folder, 'uploads.json'));
        const resumable = {
          ...(await options(who)),
          urlStorage,
          fingerprint: async () => 'the film',
          storeFingerprintForResuming: true,
        };
        const cut = await run(film, resumable, null, (accepted) => accepted >= 3 * PIECE);
        const previous = await cut.findPreviousUploads();
        assert.equal(previous.length, 1);
        const sent = [];
        const watched = { ...resumable, onBeforeRequest: (request) => sent.push(request) };
        const done = await run(film, watched, previous[0]);
        assert.equal(done.url, cut.url);
        const first = sent.find((request) => request.getMethod() === 'PATCH');
        assert.ok(Number(first.getHeader('Upload-Offset')) >= 3 * PIECE, first.getHeader('Upload-Offset'));
        assert.ok(sent.every((request) => request.getMethod() !== 'POST'), 'it was not begun anew');
        const { videos } = await request(who, 'GET', '/api/video?sort=-createdAt');
        assert.equal(videos[0].size, film.length);
        const file = await fetch(service.url + videos[0].url);
        assert.ok(film.equals(Buffer.from(await file.arrayBuffer())), 'every byte is there');
      } finally {
        await rm(folder, { recursive: true });
      }
    });

    it('terminates', async () => {
      const who = await person(service);
      const own = await options(who);
      const cut = await run(await readFile(FILM), own, null, () => true);
      await tus.Upload.terminate(cut.url, own);
      const gone = await fetch(cut.url, { method: 'HEAD', headers: { ...own.headers, 'tus-resumable': '1.0.0' } });
      assert.ok([404, 410].includes(gone.status), `${gone.status}`);
    });

    it("does not show somebody else's upload", { skip: !service.login }, async () => {
      const cut = await run(await readFile(FILM), await options(await person(service)), null, () => true);
      const headers = { ...(await options(await person(service))).headers, 'tus-resumable': '1.0.0' };
      assert.equal((await fetch(cut.url, { method: 'HEAD', headers })).status, 404);
    });
  });
}
