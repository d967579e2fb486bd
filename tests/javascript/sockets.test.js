// The official Socket.IO client goes through every event, with and without a login, over both transports.

import assert from 'node:assert/strict';
import { after, before, describe } from 'node:test';
import { SERVICES, connected, it, person, refused, request, socket, told, upload } from './service.js';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/;

for (const service of SERVICES) {
  for (const transport of ['polling', 'websocket']) {
    describe(`Socket.IO, ${service.name}, over ${transport}`, () => {
      let ada, bob, video, one, two, other;
      const sockets = [];

      before(async () => {
        ada = await person(service);
        bob = await person(service);
        video = await upload(ada);
        for (const who of [ada, ada, bob]) sockets.push(await connected(who, transport));
        [one, two, other] = sockets;
      });

      after(() => sockets.forEach((made) => made.close()));

      // Without a login there is one owner, and nobody else.
      const unheard = (jobs) => {
        if (!service.login) return;
        const heard = other.told.filter(([, payload]) => jobs.includes(payload?.jobId) || payload?.videoId === video);
        assert.deepEqual(heard, []);
      };

      it('tells every socket of the owner, and nobody else, of an edit from its start to its end', async () => {
        one.emit('video:process', { videoId: video, operation: 'trim', parameters: { startTime: 1, endTime: 3 } });
        const started = await told(two, 'video:processing-started', (job) => job.operation === 'trim');
        assert.match(started.jobId, UUID);
        assert.deepEqual(started, { videoId: video, operation: 'trim', jobId: started.jobId });
        const ours = (payload) => payload.jobId === started.jobId;
        for (const made of [one, two]) {
          const update = await told(made, 'video:progress-update', ours);
          assert.deepEqual(Object.keys(update).sort(), ['etaSeconds', 'fps', 'jobId', 'progress', 'videoId']);
          assert.ok(update.progress >= 0 && update.progress <= 1 && update.videoId === video);
          const { result, ...done } = await told(made, 'video:processing-completed', ours);
          assert.deepEqual(done, started);
          assert.match(result.videoId, UUID);
          assert.notEqual(result.videoId, video);
          const { width, height, frames, duration } = result.metadata;
          assert.deepEqual({ width, height, duration, frames }, { width: 320, height: 240, duration: 2, frames: 50 });
          const file = await fetch(service.url + result.url);
          assert.equal(file.status, 200);
          assert.equal(Buffer.from(await file.arrayBuffer()).toString('latin1', 4, 8), 'ftyp');
          const once = made.told.filter(([event, payload]) => ours(payload) && event !== 'video:progress-update');
          assert.deepEqual(once.map(([event]) => event), ['video:processing-started', 'video:processing-completed']);
          const progress = made.told.filter(([event, payload]) => ours(payload) && event === 'video:progress-update');
          const steps = progress.map(([, payload]) => payload.progress);
          assert.deepEqual(steps, [...steps].sort((a, b) => a - b));
        }
        unheard([started.jobId]);
      });

      it('takes every edit of the HTTP interface', async () => {
        const edits = {
          crop: { width: 160, height: 120, x: 8, y: 8 },
          'apply-filter': { filterType: 'sepia', intensity: 0.5 },
          'add-text': { text: 'Hello', position: { x: 10, y: 10 }, duration: { start: 0, end: 1 } },
          export: { format: 'mov', quality: 'low' },
        };
        for (const [operation, parameters] of Object.entries(edits)) {
          one.emit('video:process', { videoId: video, operation, parameters });
          const done = await told(one, 'video:processing-completed', (job) => job.operation === operation);
          assert.equal(done.videoId, video);
          if (operation === 'crop') assert.equal(done.result.metadata.width, 160);
        }
      });

      it('tells of what HTTP asks for, and of what is cancelled', async () => {
        const body = { videoId: video, format: 'webm', quality: 'lossless', resolution: '1080p' };
        const { jobId } = await request(ada, 'POST', '/api/video/export', body);
        await told(two, 'video:processing-started', (job) => job.jobId === jobId);
        await request(ada, 'DELETE', `/api/renders/${jobId}`);
        const error = await told(two, 'video:processing-error', (job) => job.jobId === jobId);
        assert.equal(error.error, 'Video processing failed');
        assert.deepEqual([error.videoId, error.operation], [video, 'export']);
        assert.ok(error.message.length > 0 && error.code.length > 0);
        unheard([jobId]);
      });

      it('says everything that is wrong with a request, to its sender alone', async () => {
        const payload = { videoId: video, operation: 'trim', inputPath: '/etc/passwd', parameters: { startTime: -1 } };
        one.emit('video:process', payload);
        const error = await told(one, 'video:processing-error', (error) => error.code === 'validation_failed');
        assert.equal(error.error, 'Validation failed');
        assert.deepEqual([error.videoId, error.operation], [video, 'trim']);
        assert.deepEqual([...error.details].sort(), [
          '`endTime` is missing.',
          '`inputPath` is refused: files are named by `videoId`.',
          '`startTime` must be at least 0.',
        ]);
        const nobodys = '00000000-0000-4000-8000-000000000000';
        const parameters = { startTime: 0, endTime: 1 };
        one.emit('video:process', { videoId: nobodys, operation: 'trim', parameters });
        const missing = await told(one, 'video:processing-error', (error) => error.videoId === nobodys);
        assert.equal(missing.code, 'not_found');
        for (const wrong of [[], ['trim'], [null], [{ operation: 'delete', videoId: 'x' }]]) {
          const before = one.told.length;
          one.emit('video:process', ...wrong);
          await told(one, 'video:processing-error', (error) => one.told.slice(before).some(([, p]) => p === error));
        }
        assert.ok(two.told.every(([, payload]) => payload.code !== 'validation_failed'));
        if (service.login) {
          other.emit('video:process', { videoId: video, operation: 'trim', parameters });
          const strange = await told(other, 'video:processing-error', (error) => error.videoId === video);
          assert.equal(strange.code, 'not_found');
          other.told.length = 0;
        }
      });

      it("passes a client's own progress on to the sender's room", async () => {
        one.emit('video:progress', { videoId: video, progress: 0.25 });
        const update = await told(two, 'video:progress-update', (update) => update.progress === 0.25 && !update.jobId);
        assert.deepEqual(update, { videoId: video, jobId: null, progress: 0.25, fps: 0, etaSeconds: null });
        one.emit('video:progress', { videoId: video, progress: 7, html: '<b>' });
        const error = await told(one, 'video:processing-error', (error) => error.operation === 'progress');
        assert.deepEqual([...error.details].sort(), ['`html` is not known here.', '`progress` must be at most 1.']);
        unheard([]);
      });

      it('chats in rooms of projects of one’s own', async () => {
        const made = await request(ada, 'POST', '/api/projects', { name: 'A film' });
        const room = (made.project ?? made).id;
        one.emit('chat:join-room', room);
        assert.equal(await told(one, 'chat:joined-room'), room);
        two.emit('chat:join-room', room);
        assert.equal(await told(two, 'chat:joined-room'), room);
        one.emit('chat:message', { message: 'make it brighter', context: { projectId: room, videoId: video } });
        for (const member of [one, two]) {
          await told(member, 'chat:ai-typing', (typing) => typing === true);
          await told(member, 'chat:ai-typing', (typing) => typing === false);
        }
        const error = await told(one, 'chat:error');
        assert.equal(error.error, 'AI service unavailable');
        assert.equal(error.code, 'not_configured');
        assert.match(error.timestamp, TIME);
        one.emit('chat:message', { message: '' });
        const wrong = await told(one, 'chat:error', (error) => error.code === 'validation_failed');
        assert.deepEqual(wrong.details, ['`message` must not be empty.']);
        two.emit('chat:leave-room', room);
        assert.equal(await told(two, 'chat:left-room'), room);
        const typed = () => two.told.filter(([event]) => event === 'chat:ai-typing').length;
        const before = typed();
        one.emit('chat:message', { message: 'darker', context: { projectId: room } });
        await told(one, 'chat:error', (error) => one.told.filter(([event]) => event === 'chat:error').length === 3);
        assert.equal(typed(), before);
      });

      it('lets nobody into rooms that are not theirs', async () => {
        const { id } = ((made) => made.project ?? made)(await request(bob, 'POST', '/api/projects', { name: 'B' }));
        const strange = service.login ? [id] : [];
        for (const room of [...strange, video, `jobs:${video}`, 'lobby', { room: id }, null]) {
          const before = one.told.length;
          one.emit('chat:join-room', room);
          await told(one, 'chat:error', (error) => one.told.slice(before).some(([, payload]) => payload === error));
        }
        assert.equal(one.told.filter(([event]) => event === 'chat:joined-room').length, 1);
      });

      it('refuses other pages, and who has no token', async () => {
        await refused(ada, transport, { extraHeaders: { origin: 'https://evil.example' } });
        const page = await connected(ada, transport, { extraHeaders: { origin: 'http://localhost:3000' } });
        page.close();
        if (!service.login) return;
        assert.equal((await refused({ service }, transport)).message, 'Access token required');
        for (const token of ['wrong', `${ada.token}x`, 'eyJhbGciOiJub25lIn0.e30.']) {
          assert.equal((await refused({ service, token }, transport)).message, 'Invalid token');
        }
        assert.equal((await refused(ada, transport, { auth: { token: 5 } })).message, 'Access token required');
      });

      it('bounds how much and how fast one socket sends', async () => {
        const greedy = await connected(ada, transport);
        for (let n = 0; n < 100; n += 1) greedy.emit('video:progress', { videoId: video, progress: -1 });
        const limited = await told(greedy, 'video:processing-error', (error) => error.code === 'rate_limited');
        assert.equal(limited.error, 'Too many requests');
        greedy.close();
        for (const payload of ['a'.repeat(3_000_000), Buffer.from([0, 1, 2])]) {
          const large = await connected(ada, transport);
          large.emit('chat:message', payload);
          await new Promise((resolve) => large.once('disconnect', resolve));
        }
        const next = await connected(ada, transport);
        next.close();
      });

      it('counts the sockets that are open', async () => {
        const open = async () => {
          const text = await (await fetch(`${service.url}/metrics`)).text();
          return Number(text.match(/^websocket_connections_active (\d+)/m)[1]);
        };
        const more = await connected(ada, transport);
        const deadline = Date.now() + 10_000;
        while ((await open()) < 4) assert.ok(Date.now() < deadline, 'four are open');
        more.close();
        while ((await open()) > 3) assert.ok(Date.now() < deadline, 'three are open');
      });
    });
  }

  it(`a socket that upgrades from polling goes on, ${service.name}`, async () => {
    const ada = await person(service);
    const made = socket(ada, 'polling', { transports: ['polling', 'websocket'] });
    await new Promise((resolve, reject) => {
      made.once('connect_error', reject);
      made.once('connect', () => {
        if (made.io.engine.transport.name === 'websocket') resolve();
        made.io.engine.once('upgrade', resolve);
      });
    });
    assert.equal(made.io.engine.transport.name, 'websocket');
    made.emit('chat:leave-room', 'nowhere');
    const error = await told(made, 'chat:error');
    assert.equal(error.code, 'validation_failed');
    made.close();
  });
}
