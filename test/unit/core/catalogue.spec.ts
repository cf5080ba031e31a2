import { LockStoreError } from '../../../lib/common/errors.js';
import { Catalogue } from '../../../lib/core/catalogue.js';
import type { JobDescription } from '../../../lib/core/local-jobs.js';
import type { ReplicaEntry } from '../../../lib/core/replica-entry.js';
import { ManualClock, timersLeft, useRealTime } from './support/manual-clock.js';
import { RecordingLogger } from './support/recording-logger.js';

const MINUTE = 60_000;
const NIGHTLY: JobDescription = {
  name: 'nightly',
  kind: 'tick',
  job: 'nightly',
  method: 'Reports.nightly',
  role: 'cron',
  expression: '0 3 * * *',
  timeZone: 'Europe/Berlin',
};

let clock: ManualClock;
/** By replica. */
let entries: Map<string, string>;
let commands: string[];
let failure: LockStoreError | undefined;
let catalogues: Catalogue[];

const records = {
  publish: async (replica: string, entry: string, ttl: number): Promise<void> => {
    commands.push(`publish ${replica} for ${ttl}`);
    if (failure) throw failure;
    if (ttl === 0) entries.delete(replica);
    else entries.set(replica, entry);
  },
  replicas: async () => {
    commands.push('replicas');
    if (failure) throw failure;
    return { entries: [...entries.values()], ahead: 12 };
  },
};

beforeEach(() => {
  clock = ManualClock.install();
  entries = new Map();
  commands = [];
  failure = undefined;
  catalogues = [];
});
afterEach(async () => {
  await Promise.all(catalogues.map((catalogue) => catalogue.stop()));
  useRealTime();
});

/** A replica with this job. */
async function start(replica: string, job: Partial<JobDescription> = {}) {
  const logger = new RecordingLogger();
  const jobs = { all: () => [{ describe: () => ({ ...NIGHTLY, ...job }), run: undefined }] };
  const catalogue = new Catalogue({ records, jobs, logger, replica, application: 'app', version: '1' });
  catalogues.push(catalogue);
  catalogue.start();
  await clock.pass(1);
  return { catalogue, logger };
}

const entryOf = (replica: string): ReplicaEntry => JSON.parse(entries.get(replica)!) as ReplicaEntry;

describe('a replica in the catalogue', () => {
  it('publishes its name, version, start and jobs, and from the second time on how far its clock is ahead', async () => {
    await start('one');
    const started = entryOf('one').started;
    expect(entryOf('one')).toEqual({
      replica: 'one',
      application: 'app',
      published: expect.any(Number),
      version: '1',
      started: expect.any(Number),
      jobs: [NIGHTLY],
    });
    await clock.pass(MINUTE);

    expect(entryOf('one')).toMatchObject({ started, ahead: 12 });
  });

  it('costs one command a minute, and its entry is kept for longer than the time between two publications', async () => {
    await start('one');
    expect(commands).toEqual(['publish one for 150000', 'replicas']);
    commands.length = 0;
    await clock.pass(20 * MINUTE);

    expect(commands).toHaveLength(20);
    expect(commands.flatMap((command, i) => (command === 'replicas' ? i : []))).toEqual([8, 18]);
  });

  it('removes its entry when it stops, and publishes nothing afterwards', async () => {
    const { catalogue } = await start('one');
    await catalogue.stop();
    expect(entries.size).toBe(0);
    commands.length = 0;
    await clock.pass(10 * MINUTE);

    expect(commands).toEqual([]);
    expect(await timersLeft()).toBe(0);
  });

  it('removes nothing if it never published an entry', async () => {
    const catalogue = new Catalogue({
      records,
      jobs: { all: () => [] },
      logger: new RecordingLogger(),
      replica: 'one',
      application: undefined,
      version: undefined,
    });
    await catalogue.stop();

    expect(commands).toEqual([]);
  });

  it('continues when the store is back, and does not log the outage', async () => {
    failure = new LockStoreError('away', { mayHaveRun: true });
    const { logger } = await start('one');
    await clock.pass(3 * MINUTE);
    failure = undefined;
    await clock.pass(MINUTE);

    expect([...entries.keys()]).toEqual(['one']);
    expect(logger.warnings).toEqual([]);
  });

  it('logs once that the store refuses it', async () => {
    failure = new LockStoreError('NOPERM', { mayHaveRun: false, refused: true });
    const { logger } = await start('one');
    await clock.pass(5 * MINUTE);

    expect(logger.warnings).toEqual([
      'This replica is not in the catalogue of jobs, because the store refuses it (NOPERM). Grant the user of the store the ' +
        'missing permissions, or set catalogue: false.',
    ]);
  });
});

const line = (own: string, replica: string, other: string) =>
  `Reports.nightly has the schedule ${own} in this replica and ${other} in ${replica}, so the job runs at the ticks of ` +
  'both. This ends when all replicas have the same version. If they do already, give them the same expression and time zone.';

describe('two replicas that have different schedules for a job', () => {
  it.each<[what: string, job: Partial<JobDescription>, told: string]>([
    ['expression', { expression: '0 4 * * *' }, '0 4 * * * (Europe/Berlin)'],
    ['time zone', { timeZone: 'UTC' }, '0 3 * * * (UTC)'],
  ])('are reported once: %s', async (_, job, told) => {
    const one = await start('one');
    const two = await start('two', job);
    await clock.pass(30 * MINUTE);

    expect(two.logger.warnings).toEqual([line(told, 'one', '0 3 * * * (Europe/Berlin)')]);
    expect(one.logger.warnings).toEqual([line('0 3 * * * (Europe/Berlin)', 'two', told)]);
  });

  it('do not report equal schedules, other jobs or unreadable entries', async () => {
    await start('one');
    entries.set('other version', '{"replica":"x","jobs":[{"name":"nightly"}]}');
    entries.set('no JSON', 'nonsense');
    const { logger } = await start('two');
    await start('three', { job: 'daily', expression: '0 5 * * *' });
    await clock.pass(30 * MINUTE);

    expect(logger.warnings).toEqual([]);
  });
});
