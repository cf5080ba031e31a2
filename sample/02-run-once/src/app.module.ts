import { Module } from '@nestjs/common';
import { ExclusiveLockModule } from 'nestjs-exclusive-lock';
import { Database } from './database.js';
import { MigrationService } from './migration.service.js';

// Without a REDIS_URL forRoot() would take the local store by itself, and warn of it.
const where = process.env['REDIS_URL'] ? {} : ({ store: 'local' } as const);

@Module({
  imports: [
    ExclusiveLockModule.forRoot({
      // Locks live in REDIS_URL if it is set, else in the embedded store of this machine. On Redis the lock of a
      // killed replica is free again after the ttl: 1 s, so that nobody has to watch this demo wait for 10.
      ...where,
      ttl: 1000,
      // Each demo has a new database. That another one was migrated says nothing about this one.
      prefix: `run-once-${process.env['DATABASE']}`,
    }),
  ],
  providers: [Database, MigrationService],
})
export class AppModule {}
