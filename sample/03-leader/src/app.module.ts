import { Module } from '@nestjs/common';
import { ExclusiveLockModule } from 'nestjs-exclusive-lock';
import { FeedService } from './feed.service.js';

// Without REDIS_URL, forRoot() uses the local store by default, but logs a warning. Naming the store avoids that.
const where = process.env['REDIS_URL'] ? {} : ({ store: 'local' } as const);

@Module({
  // If a leader is killed, another leads within the ttl on Redis. On the local store it leads at once.
  imports: [ExclusiveLockModule.forRoot({ ...where, ttl: 1000 })],
  providers: [FeedService],
})
export class AppModule {}
