import { LockConfigurationError } from '../../../lib/common/errors.js';
import { resolveTimes, type LeaseOptions, type LeaseTimes } from '../../../lib/core/lease-options.js';

const DEFAULTS = { ttl: 10_000, renewEvery: 2000 };
const LONGEST = 2 ** 31 - 1;

describe('the times of a lease', () => {
  it.each<[LeaseOptions, LeaseTimes]>([
    [{}, DEFAULTS],
    [{ ttl: undefined, renewEvery: undefined }, DEFAULTS],
    [{ contents: 1 }, DEFAULTS],
    [{ ttl: 3000 }, { ttl: 3000, renewEvery: 1000 }],
    [{ renewEvery: 5000 }, { ttl: 10_000, renewEvery: 5000 }],
    [
      { ttl: 3000, renewEvery: 100 },
      { ttl: 3000, renewEvery: 100 },
    ],
    [{ ttl: 100 }, { ttl: 100, renewEvery: 100 / 3 }],
    [
      { ttl: 100, renewEvery: 20 },
      { ttl: 100, renewEvery: 20 },
    ],
    [
      { ttl: '3s', renewEvery: '1s', maxHold: '5m' },
      { ttl: 3000, renewEvery: 1000, maxHold: 300_000 },
    ],
    [{ ttl: LONGEST }, { ttl: LONGEST, renewEvery: LONGEST / 3 }],
  ])('of %p are %p', (options, times) => {
    expect(resolveTimes(options, DEFAULTS)).toEqual(times);
  });

  it.each<[LeaseOptions, string]>([
    [{ ttl: 99 }, 'got ttl = 99'],
    [{ ttl: 0 }, 'got ttl = 0'],
    [{ ttl: -5 }, 'got ttl = -5'],
    [{ ttl: Number.NaN }, 'got ttl = NaN'],
    [{ ttl: Infinity }, 'got ttl = Infinity'],
    [{ ttl: LONGEST + 1 }, `got ttl = ${LONGEST + 1}`],
    [{ ttl: '5000' as never }, 'got ttl = "5000"'],
    [{ ttl: 1000, renewEvery: 19 }, 'got renewEvery = 19'],
    [{ renewEvery: Number.NaN }, 'got renewEvery = NaN'],
    [{ ttl: 1000, renewEvery: 501 }, 'got ttl = 1000, renewEvery = 501'],
    [{ renewEvery: 5001 }, 'got ttl = 10000, renewEvery = 5001'],
  ])('refuse %p', (options, problem) => {
    const resolve = (): unknown => resolveTimes(options, DEFAULTS);

    expect(resolve).toThrow(LockConfigurationError);
    expect(resolve).toThrow(problem);
  });

  it('that do not fit are refused with a remedy', () => {
    expect(() => resolveTimes({ ttl: 1000, renewEvery: 900 }, DEFAULTS)).toThrow('Raise ttl to 1800');
  });
});
