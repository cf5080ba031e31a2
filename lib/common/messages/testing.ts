/** About `nestjs-exclusive-lock/testing`. */
export const testingMessages = {
  nothingDecorated: (what: string) =>
    `withoutLocks() was called with ${what}, which has no method with @Exclusive. Pass the object whose methods the test calls.`,
  testTookItDown: () => 'the test has taken it down',
  testSuspendedIt: () => 'the test has suspended this replica; wake() it before it is closed',
  replicaExists: (name: string) =>
    `The test kit has a replica "${name}" already. Give each application its own replica, with a name of its own.`,
  heldAlready: (name: string, holder: string | undefined) =>
    `"${name}" cannot be held elsewhere: ${holder ?? 'another owner'} holds it. Release it first, or take it away with ` +
    'loseLease().',
  notRunElsewhere: (name: string, run: string, status: string) =>
    `"${name}" cannot be held elsewhere for the ${run}: the store says ${status}. Give another occurrence, or none.`,
  nothingToLose: (name: string, elsewhere: boolean) =>
    `The lease on "${name}" cannot be lost: ${elsewhere ? 'it is held elsewhere' : 'nobody holds the lock'}. Call ` +
    'loseLease() while the work of the application runs under it.',
  noSuchCase: (name: string) =>
    `except: the store contract has no case "${name}". Use a name that storeContract() lists.`,
  keptAfterAll: (name: string) =>
    `The store keeps this promise, although it is listed in \`except\`. Remove from \`except\`: ${name}`,
  needDeclaredWrongly: (need: string, isThere: boolean) =>
    isThere
      ? `The stores under test have "${need}". Remove it from \`without\`, so that its cases run.`
      : `The stores under test have no "${need}". Provide it, or list it in \`without\` to skip its cases.`,
} as const;
