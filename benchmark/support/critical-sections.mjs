import { now } from './machine-clock.mjs';

/**
 * One critical section after the other of a client process: `ask` waits for the lock, and `had` resolves when it was
 * had and given back, to when that was. `hold` keeps the lock until `release`.
 */
export function criticalSections(locks) {
  let turn;
  let letGo;
  const ask = (name, critical) => {
    turn = (async () => {
      let times;
      await locks.contend(name, async () => {
        const granted = now();
        await critical();
        times = { granted, released: now() };
      });
      return times;
    })();
  };
  return {
    ask,
    had: () => turn,
    hold: async (name) => {
      await new Promise((resolve) => {
        ask(name, async () => {
          resolve();
          await new Promise((released) => (letGo = released));
        });
      });
    },
    release: async () => {
      letGo();
      return turn;
    },
  };
}
