import { measureRates, rateColumns, sliceOf } from '../support/rates.mjs';

export const title = 'Acquire and release, alone';
export const about = 'One lock, taken and given back again and again, one call after the other.';

export async function client(open, packageName) {
  const locks = await open();
  return { slice: sliceOf(() => locks.cycle(`alone-${packageName}`)) };
}

export const columns = rateColumns;
export const measure = (run) => measureRates('alone', run);
