import { measureRates, rateColumns, sliceOf } from '../support/rates.mjs';

export const title = 'A try that loses';
export const about = 'Asking once for a lock that somebody else holds, without waiting for it.';

export async function client(open, packageName) {
  const name = `taken-${packageName}`;
  const holder = await open();
  await holder.occupy(name);
  const locks = await open();
  const once = async () => {
    if (await locks.attempt(name)) throw new Error('got a lock that somebody holds');
  };
  return { slice: sliceOf(once) };
}

export const columns = rateColumns;
export const measure = (run) => measureRates('losing-try', run);
