import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { LeaderElection, type Lease, type OnLeadershipAcquired } from 'nestjs-exclusive-lock';
import { machineTime, tell } from '../../support/tell.js';
import { Journal } from './journal.js';

/** Consumes a feed in one replica, for as long as that leads. */
@Injectable()
@LeaderElection('feed')
export class FeedService implements OnLeadershipAcquired {
  readonly #journal = new Journal();

  async onLeadershipAcquired(lease: Lease): Promise<void> {
    const { signal, fencingToken } = lease;
    tell({ event: 'started', fencingToken, at: machineTime() });
    // `held` compares a clock, so it is right even if this process stood still for a while.
    while (!signal.aborted && lease.held) {
      this.#journal.consumeNext();
      tell({ event: 'step', fencingToken, at: machineTime() });
      await sleep(50, undefined, { signal }).catch(() => undefined); // the next item comes
    }
    // Another replica leads when this method has ended.
    tell({ event: 'finished', fencingToken, at: machineTime() });
  }
}
