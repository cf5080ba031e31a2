/** One call of the store that has to settle in time. */
export interface BoundedCall {
  /** Something was handed to the database, which may carry it out although the caller has given up. */
  mayHaveRun: boolean;
  /** The caller has had its answer: nothing more must be begun. */
  abandoned: boolean;
  /** All the same, what was begun is brought to its end. */
  persistent: boolean;
}

/** Runs the call for at most `ms`, then rejects with the error that `late` makes. */
export async function bounded<R>(
  ms: number,
  run: (call: BoundedCall) => Promise<R>,
  late: (call: BoundedCall) => Error,
): Promise<R> {
  const call: BoundedCall = { mayHaveRun: false, abandoned: false, persistent: false };
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      call.abandoned = true;
      reject(late(call));
    }, ms);
  });
  try {
    return await Promise.race([run(call), timeout]);
  } finally {
    clearTimeout(timer);
  }
}
