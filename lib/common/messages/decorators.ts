import { iso, show } from './wording.js';

/** About `@Exclusive` and `@LeaderElection`, whose options and places are checked at start. */
export const decoratorMessages = {
  optionsForName: () =>
    'The lock name of @Exclusive comes before its options. To use Class.method as the name, write ' +
    '@Exclusive(undefined, { … }).',
  notAClass: (decorator: string, key: string) =>
    `${decorator} must decorate a class; "${key}" is not one. On a method, write @Exclusive(name, options).`,
  notAMethod: (decorator: string, key: string) =>
    `${decorator} must decorate a method; "${key}" is not one. On a class, write @Exclusive.defaults(options).`,
  generator: (decorator: string, key: string) =>
    `${decorator} cannot decorate the generator "${key}", which runs after it has returned. Make it async: async *${key}().`,
  staticMethod: (decorator: string, key: string) =>
    `${decorator} cannot decorate the static method "${key}": only methods of an object that Nest constructs can be ` +
    'locked. Make it a method of a provider.',
  serviceMissing: (method: string) =>
    `${method} is decorated with @Exclusive, but Nest has not given its object the lock service. In an application, import ` +
    'ExclusiveLockModule.forRoot() and let Nest construct the object. In a unit test that constructs or mocks the object ' +
    "itself, first call withoutLocks(object) from 'nestjs-exclusive-lock/testing'.",

  optionElsewhere: (option: string, method: string, kinds: readonly string[], kind: string) =>
    `${option} of @Exclusive on ${method} has no effect: it is for ${kinds.map(roleName).join(' or ')}, and this ` +
    `is ${roleName(kind)}. Leave it out.`,
  nobodyToThrowAt: (method: string, kind: string) =>
    `whenUnavailable: 'throw' of @Exclusive on ${method} has no caller to throw to: this is ${roleName(kind)}, and its ` +
    'scheduler would log an error in every replica, each time. Leave it out.',
  attemptsWithoutRerun: (method: string, attempts: number) =>
    `${method} has maxAttempts: ${attempts} without onHolderDeath: 'rerun', so it is never run again. Set ` +
    "onHolderDeath: 'rerun', or leave maxAttempts out.",
  waitWithoutWhenBusy: (method: string, wait: unknown) =>
    `wait of @Exclusive on ${method} has no effect without whenBusy: 'wait'; got wait = ${show(wait)}. Add ` +
    "whenBusy: 'wait', or leave wait out.",
  neverUnavailable: (method: string, whenUnavailable: string) =>
    `whenUnavailable: '${whenUnavailable}' of @Exclusive on ${method} has no effect: with whenBusy: 'wait' a call ` +
    'waits until the store is back. Add wait, the time after which it stops waiting.',
  missedOfOneMoment: (method: string) =>
    `missed of @Exclusive on ${method} has no effect: its @Cron has only one tick, and a tick is caught up only if it ` +
    'follows another. Leave missed out.',
  handlerMustSay: (method: string, kind: string) =>
    `${method} is ${kind}, but its @Exclusive does not say what a caller gets while the lock is busy. Callers would take ` +
    "a skipped call for a success. Add whenBusy: 'throw' or 'wait'; or 'skip' if that is what you want.",
  nameOfNoArguments: (method: string, kind: string) =>
    `The name of @Exclusive on ${method} is a function of its arguments, but this is ${roleName(kind)}, which has ` +
    'none. Give the name as a string.',
  sharedNameFunction: (method: string) =>
    `shared of @Exclusive on ${method} has no effect: names that a function gives are not compared with the names of other ` +
    'methods. Leave it out.',
  oneNameForTwo: (name: string, one: string, other: string) =>
    `${one} and ${other} have the same lock name, "${name}", and would keep each other from running. Give each its own ` +
    'name. If they are meant to exclude each other, set shared: true on all of them.',
  oneJobForTwo: (name: string, job: string, one: string, other: string) =>
    `${one} and ${other} share the lock "${name}" and the job name "${job}", so a run of one would count as a run of ` +
    'the other. Give each its own job, such as { shared: true, job: "import" }.',

  notStatic: (method: string, kind: string, scope: Scope) =>
    `${method} has @Exclusive and is ${roleName(kind)}, but its provider is ${scope}: ` +
    `${NOT_STATIC[scope][kind === 'start hook' ? 'hook' : 'job']}. ${BE_STATIC}`,
  noScheduler: (method: string, kind: string) =>
    `${method} has @Exclusive and is ${roleName(kind)}, but the application has no scheduler, so nothing would ever call ` +
    'it. Add ScheduleModule.forRoot() of @nestjs/schedule to the imports of the root module. If this process is not meant ' +
    'to run jobs, write ExclusiveLockModule.forRoot({ ticks: false }).',
  timerTooLong: (method: string, kind: 'interval' | 'timeout', ms: number, longest: number) =>
    `${method} is ${roleName(kind)} of ${ms} ms, but no timer of Node.js is longer than ${longest} ms (24.8 days): this ` +
    `one would fire ${kind === 'interval' ? 'each millisecond' : 'at once'}. Use @Cron.`,
  momentOfThisProcess: (method: string, moment: number) =>
    `${method} is ${roleName('cron')} for ${iso(moment)}, which is not a whole second. It looks computed from Date.now(), ` +
    'so each replica would run it at a different moment. Give a constant that is the same in all replicas, such as ' +
    "new Date('2030-01-01T03:00:00Z'), or use @Timeout, which runs once for all of them.",

  electionOffClass: (decorator: string, key: string) =>
    `${decorator} must decorate a class; "${key}" is not one. Put it above the class that has onLeadershipAcquired.`,
  electionNotStatic: (name: string, provider: string, scope: Scope) =>
    `${provider} has @LeaderElection("${name}"), but the provider is ${scope}: ${NOT_STATIC[scope].election}. ${BE_STATIC}`,
  electionWithoutHooks: (name: string, provider: string) =>
    `${provider} has @LeaderElection("${name}"), but neither onLeadershipAcquired nor onLeadershipLost, so nothing would be ` +
    'called when this replica leads. Implement OnLeadershipAcquired.',
  oneElectionForTwo: (name: string, one: string, other: string) =>
    `${one} and ${other} both have @LeaderElection("${name}"). Give each its own name. If they are meant to lead together, ` +
    'set shared: true on all of them.',
  electionOptionsDiffer: (name: string, one: string, other: string) =>
    `${one} and ${other} share @LeaderElection("${name}") but have different options, and one election has one lease. Give ` +
    'them the same ttl, renewEvery and contents.',
  electionAndMethod: (name: string, provider: string, method: string) =>
    `${provider} has @LeaderElection("${name}"), and ${method} has a lock of the same name, so it would never run while a ` +
    'replica leads. Give each its own name.',
} as const;

type Scope = 'transient' | 'request-scoped';

/** What would happen to a method on an object that is not a singleton. */
const NOT_STATIC: Record<Scope, { readonly job: string; readonly hook: string; readonly election: string }> =
  {
    transient: {
      job: 'the scheduler would call it on an object whose constructor never ran',
      hook: 'Nest makes one object for every class that injects the provider, and calls it on each of them',
      election: 'Nest makes one object for every class that injects the provider',
    },
    'request-scoped': {
      job: 'the scheduler ignores such providers, and nothing would ever call it',
      hook: 'Nest makes its objects after the start, and would never call it',
      election: 'Nest makes its objects after the start, and none of them would ever lead',
    },
  };

const BE_STATIC = 'Make the provider and all its dependencies singletons.';

const ROLE_NAMES: Record<string, string> = {
  cron: 'a @Cron method',
  interval: 'an @Interval method',
  timeout: 'a @Timeout method',
  'start hook': 'a start hook (onModuleInit, onApplicationBootstrap)',
  plain: 'a method that no scheduler calls',
};

function roleName(kind: string): string {
  return ROLE_NAMES[kind] ?? kind;
}
