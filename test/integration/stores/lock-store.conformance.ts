import { describeAcquiring } from './conformance/acquiring.js';
import { describeTokens } from './conformance/fencing-tokens.js';
import { describeInspecting, describeNames } from './conformance/inspecting.js';
import { describeExpiry, describeReleasing, describeRenewing } from './conformance/owners.js';
import { describeRuns } from './conformance/runs.js';
import { useStores, type MakeStores } from './conformance/subject.js';
import { describeTicks } from './conformance/ticks.js';
import { describeWaiting } from './conformance/waiting.js';

export type { MakeStores, StoresUnderTest } from './conformance/subject.js';

/** What every store must do; the other half of the contract in lib/stores/lock-store.ts. */
export function describeLockStore(name: string, makeStores: MakeStores): void {
  describe(name, () => {
    const on = useStores(makeStores);
    describe('acquiring', () => describeAcquiring(on));
    describe('a tick', () => describeTicks(on));
    describe('a run', () => describeRuns(on));
    describe('a fencing token', () => describeTokens(on));
    describe('renewing', () => describeRenewing(on));
    describe('releasing', () => describeReleasing(on));
    describe('expiry', () => describeExpiry(on));
    describe('inspecting', () => describeInspecting(on));
    describe('a line of those who wait', () => describeWaiting(on));
    describe('names', () => describeNames(on));
  });
}
