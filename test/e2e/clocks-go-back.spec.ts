import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { logLines, startApp } from '../support/apps.js';
import { eventually } from '../support/eventually.js';
import { faketimeLeaping, faketimeLibrary } from '../support/faketime.js';
import { event } from '../support/history.js';
import { describeOnSharedStores } from '../support/on-shared-stores.js';
import { ReplicaProcess } from '../support/replica-process.js';

/** Berlin's clocks go back from 03:00 to 02:00 at 01:00 UTC. The store's clock is the machine's: it is later. */
const NIGHT = '2025-10-26';
const FIRST_HALF_PAST_TWO = `${NIGHT}T00:30:00.000Z`;
const SECOND_TWO = `${NIGHT}T01:00:00.000Z`;
const SECOND_HALF_PAST_TWO = `${NIGHT}T01:30:00.000Z`;
const THREE = `${NIGHT}T02:00:00.000Z`;

const [SECOND, MINUTE] = [1000, 60_000];
const WITHIN = { within: MINUTE };

describeOnSharedStores(
  'three replicas in the night the clocks go back, of which one restarts in the repeated hour, on %s',
  (store) => {
    let folder: string;
    const file = (): string => join(folder, 'clock');

    beforeEach(() => {
      folder = mkdtempSync(join(tmpdir(), 'exclusive-lock-night-'));
    });
    afterEach(() => rmSync(folder, { recursive: true, force: true }));

    it(
      'run a nightly job once, at the first of its two times, and an hourly job in each hour',
      async () => {
        // A replica that is far behind asks for the tick that is due next by the store's clock, if that is within a minute.
        await eventually(() => new Date().getMinutes() % 30 < 27, { within: 4 * MINUTE, every: SECOND });
        leapTo(`${NIGHT}T00:10:00.000Z`);
        const upAllNight = [await start(), await start()];
        const killed = await start();
        const all = [...upAllNight, killed];

        leapTo(shortlyBefore(FIRST_HALF_PAST_TWO));
        await calls(all, 'half past two', 1);
        leapTo(shortlyBefore(SECOND_TWO));
        await calls(all, 'hourly', 1);
        await eventually(() => all.every((replica) => toldOfCall(replica).length > 0), WITHIN);
        await killed.signal('SIGKILL');
        const restarted = await start();
        leapTo(shortlyBefore(SECOND_HALF_PAST_TWO));
        await calls([restarted], 'half past two', 1);
        leapTo(shortlyBefore(THREE));
        await calls([...upAllNight, restarted], 'three', 1);
        await calls(upAllNight, 'hourly', 2);
        await calls([restarted], 'hourly', 1);
        all.push(restarted);

        expect(ranBy(all, 'half past two')).toEqual([FIRST_HALF_PAST_TWO]);
        expect(ranBy(all, 'three')).toEqual([THREE]);
        expect(ranBy(all, 'hourly')).toEqual([SECOND_TWO, THREE]);
        for (const replica of upAllNight) {
          expect(toldOfCall(replica)).toEqual([
            expect.stringContaining(`three was called for ${SECOND_TWO}`),
          ]);
        }
        expect(toldOfCall(restarted)).toEqual([]);
      },
      10 * MINUTE,
    );

    function leapTo(time: string): void {
      const seconds = (Date.parse(time) - Date.now()) / 1000;
      writeFileSync(`${file()}.new`, seconds.toFixed(3));
      renameSync(`${file()}.new`, file());
    }

    async function start(): Promise<ReplicaProcess> {
      const replica = startApp('night-replica', store.options, faketimeLeaping(file()));
      await replica.waitFor(event('ready'), WITHIN);
      return replica;
    }
  },
  { skip: !faketimeLibrary() },
);

const shortlyBefore = (time: string): string => new Date(Date.parse(time) - 1500).toISOString();

/** The ticks for which the job was run, in order. */
function ranBy(replicas: readonly ReplicaProcess[], job: string): string[] {
  return replicas
    .flatMap(({ events }) => events.filter(event('started', { job })))
    .map(({ tick }) => String(tick))
    .toSorted();
}

const toldOfCall = (replica: ReplicaProcess): string[] =>
  logLines(replica, 'log').filter((line) => line.includes('was called for'));

/** Each has been called for the job so often, and has come to an end with it. */
async function calls(replicas: readonly ReplicaProcess[], name: string, times: number): Promise<void> {
  const ends = ({ events }: ReplicaProcess): number =>
    events.filter(event('released', { name })).length + events.filter(event('skipped', { name })).length;
  await eventually(() => replicas.every((replica) => ends(replica) >= times), WITHIN);
}
