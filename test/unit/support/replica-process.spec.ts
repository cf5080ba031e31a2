import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ReplicaProcess } from '../../support/replica-process.js';

const SCRIPT = `
const tell = (event, details) => console.log(JSON.stringify({ event, ...details }));
console.log('a log line');
console.error('a warning');
process.on('SIGTERM', () => {
  tell('stopping');
  process.exit(3);
});
tell('started', { name: process.env.NAME });
setInterval(() => tell('beat'), 5);
`;

describe('a replica process', () => {
  let folder: string;
  let file: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'replica-process-'));
    file = join(folder, 'replica.js');
    await writeFile(file, SCRIPT);
  });

  afterEach(() => ReplicaProcess.killAll());
  afterAll(() => rm(folder, { recursive: true }));

  it('tells its events, its other lines and its exit', async () => {
    const replica = ReplicaProcess.start(file, { env: { NAME: 'one' } });
    await expect(replica.waitFor(({ event }) => event === 'started')).resolves.toMatchObject({ name: 'one' });
    await expect(replica.stop()).resolves.toEqual({ code: 3, signal: null });
    expect(replica.events.at(-1)).toEqual({ event: 'stopping' });
    expect(replica.stdout).toEqual(['a log line']);
    expect(replica.stderr).toEqual(['a warning']);
  });

  it('can be stopped and continued', async () => {
    const replica = ReplicaProcess.start(file);
    await replica.waitFor(({ event }) => event === 'beat');
    await replica.signal('SIGSTOP');
    await replica.signal('SIGCONT');
    const before = replica.events.length;
    await replica.waitFor(() => replica.events.length > before);
  });

  it('is killed, even while it stands still', async () => {
    const replica = ReplicaProcess.start(file);
    await replica.waitFor(({ event }) => event === 'started');
    await replica.signal('SIGSTOP');
    await ReplicaProcess.killAll();
    await expect(replica.exit).resolves.toEqual({ code: null, signal: 'SIGKILL' });
  });

  it('says what it has told when an awaited event does not come', async () => {
    const replica = ReplicaProcess.start(file);
    await replica.waitFor(({ event }) => event === 'started');
    const never = replica.waitFor(({ event }) => event === 'never');
    await replica.signal('SIGKILL');
    await expect(never).rejects.toThrow(/it ended with SIGKILL.*"started".*a log line.*a warning/s);
  });
});
