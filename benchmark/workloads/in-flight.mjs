import { measureRates, rateColumns, sliceOf } from '../support/rates.mjs';

const LANES = 64;

export const title = 'Acquire and release, 64 in flight';
export const about =
  '64 locks of one process, each taken and given back again and again, all at the same time.';

export async function client(open, packageName) {
  const locks = await open();
  return { slice: sliceOf((lane) => locks.cycle(`lane-${lane}-${packageName}`), LANES) };
}

export const columns = rateColumns;
export const measure = (run) => measureRates('in-flight', run);
