import { show, traceOf } from './wording.js';

/** About the board in the browser. */
export const boardMessages = {
  boardWithoutGuards: () =>
    'The board has no guards, so in production (NODE_ENV) and on Kubernetes anybody who can reach this application could ' +
    "see it. Give ExclusiveLockBoardModule.forRoot({ guards: [YourGuard] }), or guards: 'elsewhere' if a global guard or a " +
    'proxy protects it.',
  boardIsOpen: (path: string, actions: boolean) =>
    `The board at ${show(path)} has no guards: anybody who can reach this application can see it` +
    `${actions ? ', pause and run jobs, and release locks' : ''}. In production the application would not start.`,
  fromAnotherSite: () =>
    'A page of another site made this request. The board takes actions from its own page only.',
  noBoardToken: () =>
    'This request lacks the token of the board. Send the token that GET api/overview returns in the header ' +
    'x-exclusive-lock-token, and the cookie that came with it.',
  noJobOnBoard: (id: unknown) =>
    `There is no job ${show(id)} on this board. GET api/overview lists the jobs.`,
  notReleased: (name: string) =>
    `The lock "${name}" was not released: it is free by now, or has a newer holder. Look again.`,
  runFromBoardFailed: (job: string, error: unknown) =>
    `The job "${job}" failed when it was run from the board: ${traceOf(error)}`,
} as const;
