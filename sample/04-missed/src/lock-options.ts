// Without REDIS_URL, forRoot() uses the local store by default, but logs a warning. Naming the store avoids that.
const where = process.env['REDIS_URL'] ? {} : ({ store: 'local' } as const);

// Each run of the demo has locks of its own: the ticks since an earlier one would be missed ticks, too.
export const lockOptions = { ...where, prefix: `missed-${process.env['DEMO']}` };
