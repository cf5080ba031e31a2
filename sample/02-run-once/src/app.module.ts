import { Module } from '@nestjs/common';
import { ExclusiveLockModule } from 'nestjs-exclusive-lock';
import { Database } from './database.js';
import { MigrationService } from './migration.service.js';

// Without REDIS_URL, forRoot() uses the local store by default, but logs a warning. Naming the store avoids that.
const where = process.env['REDIS_URL'] ? {} : ({ store: 'local' } as const);

@Module({
  imports: [
    ExclusiveLockModule.forRoot({
      // Locks live in Redis if REDIS_URL is set, else in the local store of this machine. On Redis, the lock of a killed
      // replica is free after the ttl. It is 1 s here instead of the default 10 s to keep the demo short.
      ...where,
      ttl: 1000,
      // Each run of the demo has a new database, so a migration that an earlier run has done must not count.
      prefix: `run-once-${process.env['DATABASE']}`,
    }),
  ],
  providers: [Database, MigrationService],
})
export class AppModule {}
