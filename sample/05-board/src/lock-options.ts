// Without REDIS_URL, forRoot() uses the local store by default, but logs a warning. Naming the store avoids that.
const where = process.env['REDIS_URL'] ? {} : ({ store: 'local' } as const);

// Each run of the demo has locks of its own.
export const lockOptions = {
  ...where,
  application: 'shop',
  version: '1.4.2',
  prefix: `board-${process.env['DEMO']}`,
  replica: process.env['REPLICA'],
  ttl: 6000,
};
