import { setTimeout as sleep } from 'node:timers/promises';
import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { Exclusive, ExclusiveLockService } from 'nestjs-exclusive-lock';
import { tell } from '../../support/tell.js';
import { Database } from './database.js';

export const STEPS = ['create', 'copy', 'index', 'switch', 'drop'];

@Injectable()
export class MigrationService implements OnModuleInit {
  constructor(@Inject(Database) private readonly database: Database) {}

  @Exclusive('migrate', { version: '2026-11-24' })
  async onModuleInit(): Promise<void> {
    tell({ event: 'started' });
    // Skip the steps that a replica applied before it died.
    const applied = this.database.steps();
    for (const step of STEPS.filter((each) => !applied.includes(each))) {
      await sleep(300); // the work
      ExclusiveLockService.current()?.assertHeld();
      this.database.apply(step);
      tell({ event: 'step', step });
    }
    tell({ event: 'finished' });
  }
}
