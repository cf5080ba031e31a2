import { isErrorLike } from './error-like.js';
import type { LossReason } from './errors.js';

/** Every message of the package, as a function of what went wrong: what, which value, what to do. */
export const messages = {
  // Configuration
  unknownOption: (option: string, known: readonly string[], of: string) =>
    `${option} is not an option of ${of}. Known options: ${known.join(', ')}.`,
  onlyInNest: (option: string) =>
    `${option} of openLocks would do nothing: it is for ExclusiveLockModule.forRoot(). Leave it out.`,
  notAnObject: (value: unknown, of: string) => `The options of ${of} must be an object; got ${show(value)}.`,
  wrongType: (option: string, expected: string, value: unknown) =>
    `${option} must be ${expected}; got ${option} = ${show(value)}.`,
  durationWithoutUnit: (option: string, expected: string, value: string) =>
    `${option} must be ${expected}; got ${option} = ${show(value)}, which has no unit. Add one, such as ` +
    `"${value.trim()}ms" or "${value.trim()}s"; or make it a number, as Number() does of an environment variable.`,
  ttlTooShortForRenewal: (ttl: number, renewEvery: number) =>
    `ttl must be at least 2 × renewEvery, so that one renewal may fail; got ttl = ${ttl}, renewEvery = ${renewEvery}. ` +
    `Raise ttl to ${2 * renewEvery} or leave renewEvery out (ttl / 3).`,
  renewEveryWithoutTtl: (renewEvery: number) =>
    `renewEvery needs ttl beside it, at least twice as long; got renewEvery = ${renewEvery} alone. Add ttl: ${renewEvery * 3}.`,
  badName: (what: string, value: unknown, problem: string) => `${what} ${problem}; got ${show(value)}.`,
  noForRoot: () =>
    'ExclusiveLockModule is imported without forRoot(). Write ExclusiveLockModule.forRoot({ … }), or forRootAsync(), in the ' +
    'imports of the root module; other modules need no import, since it is global.',
  colonInPrefix: (prefix: string) =>
    `prefix must not contain a colon, which comes between prefix and name: locks of the prefixes "a" and "a:b" would ` +
    `overlap; got prefix = ${show(prefix)}. Write ${show(prefix.replaceAll(':', '-'))}; a name space that ends with a colon ` +
    'is the keyPrefix of the redis options.',
  noApplication: () =>
    'This application has no name: there is no package.json with one above its main script. If another application ' +
    'uses the same locks, that cannot be detected. Set the option application.',
  otherApplication: (name: string, what: 'held' | 'run', other: string, own: string) =>
    `"${name}" ${what === 'held' ? 'is held' : 'was run'} by the application "${other}", and this is "${own}": with the ` +
    'same prefix they keep each other from running. Give each a prefix of its own; or, if they are meant to exclude one ' +
    'another, give both the same application. Both are options.',
  optionsForName: () =>
    'The lock name of @Exclusive comes before its options: @Exclusive(undefined, { … }) for Class.method.',
  redisAndStore: () => 'redis and store exclude each other. Leave one of them out.',
  noValue: (option: string) =>
    `${option} has no value: ${option} = undefined. Most likely the environment variable that it is read from is not set ` +
    `here. Set it; or leave ${option} out, if the default is meant.`,
  noAddress: (option: string) =>
    `redis.${option} has no value, and ioredis would connect to localhost. Most likely the environment variable that it ` +
    'is read from is not set here. Set it.',
  folderWithoutLocal: () => "folder belongs to store: 'local'. Add that, or leave folder out.",
  foreignRedisOption: (option: string) =>
    `redis.${option} is not an option of ioredis, which would connect to localhost. Give a URL as redis itself, ` +
    '{ host, port }, { cluster: [{ host, port }] }, or an ioredis client.',
  badRedisUrl: (option: string, problem: string) =>
    `${option} is not a Redis URL: ${problem}. Give redis://[user:password@]host[:port][/db], rediss://… for TLS, ` +
    `or the path of a Unix socket.`,
  missingPeer: (peer: string, store: string) =>
    `The ${store} store needs the package ${peer}, which could not be loaded. Run: npm install ${peer}`,
  notAStore: (missing: readonly string[]) =>
    `store must be a LockStore; the given one lacks ${missing.join(', ')}.`,
  notALockStoreYet: (missing: readonly string[]) =>
    `store must be a LockStore; the given one lacks ${missing.join(' and ')}. If it is a store of acquire, renew and ` +
    'release, as for @nestjs/locks, give store: basicStore(yourStore).',
  notABasicStore: (missing: readonly string[]) =>
    `basicStore() needs a store with acquire, renew and release; the given one lacks ${missing.join(', ')}.`,
  basicStoreSlow: () => 'it did not answer in time',
  basicStoreCannotInspect: () =>
    'it cannot say who holds a lock. Give basicStore() the option inspect, if the store can tell who has a key',
  noSuchCase: (name: string) =>
    `except: there is no case "${name}" in the contract of stores. Give the name as storeContract() lists it.`,
  keptAfterAll: (name: string) =>
    `This promise is listed in \`except\`, but the store keeps it. Remove from \`except\`: ${name}`,
  needDeclaredWrongly: (need: string, isThere: boolean) =>
    isThere
      ? `The stores under test have "${need}". Remove it from \`without\`, so that its cases run.`
      : `The stores under test have no "${need}". Provide it, or list it in \`without\`, so that its cases are skipped.`,
  notALogger: (missing: readonly string[]) =>
    `logger must have the methods info (or log), warn and error; the given one lacks ${missing.join(', ')}.`,
  noStoreInProduction: () =>
    'No option says where the locks of this application live, and in production (NODE_ENV) and on Kubernetes that is not ' +
    "guessed. Set REDIS_URL or the option redis: 'redis://…' for replicas on several machines, or store: 'local' if all " +
    'run on one.',
  localStoreByDefault: (description: string) =>
    `Neither the option redis nor REDIS_URL is set: locks live in the ${description} and exclude the processes of ` +
    "this machine only. Set REDIS_URL for several machines, or store: 'local' to silence this.",
  optionElsewhere: (option: string, method: string, kinds: readonly string[], kind: string) =>
    `${option} of @Exclusive on ${method} would do nothing: it is for a ${kinds.map(roleName).join(' or ')}, and this ` +
    `is a ${roleName(kind)}. Leave it out.`,
  nobodyToThrowAt: (method: string, kind: string) =>
    `whenUnavailable: 'throw' of @Exclusive on ${method} has nobody to throw at: this is a ${roleName(kind)}, and its ` +
    'scheduler would log an error in every replica, each time. Leave it out.',
  attemptsWithoutRerun: (method: string, attempts: number) =>
    `${method} has maxAttempts: ${attempts} without onHolderDeath: 'rerun', and so is never run again. Set ` +
    "onHolderDeath: 'rerun', or leave out maxAttempts.",
  waitWithoutWhenBusy: (method: string, wait: unknown) =>
    `wait of @Exclusive on ${method} would do nothing without whenBusy: 'wait'; got wait = ${show(wait)}. Add that, or leave ` +
    'wait out.',
  neverUnavailable: (method: string, whenUnavailable: string) =>
    `whenUnavailable: '${whenUnavailable}' of @Exclusive on ${method} would do nothing: with whenBusy: 'wait' a call ` +
    'waits until the store is back. Add wait, the time after which it stops waiting.',
  missedOfOneMoment: (method: string) =>
    `missed of @Exclusive on ${method} would do nothing: its @Cron is one moment, and only a tick that comes after others is ` +
    'caught up. Leave missed out.',
  handlerMustSay: (method: string, kind: string) =>
    `${method} is ${kind}, and @Exclusive on it does not say what a call gets while the lock is busy. Its callers would take ` +
    "a skipped call for a success. Add whenBusy: 'throw' or 'wait'; or 'skip' if that is what you want.",
  nameOfNoArguments: (method: string, kind: string) =>
    `The name of @Exclusive on ${method} is a function of its arguments, but this is a ${roleName(kind)}, which has ` +
    'none. Give the name as a string.',
  sharedNameFunction: (method: string) =>
    `shared of @Exclusive on ${method} would do nothing: the names that a function gives are not compared with those of ` +
    'other methods. Leave it out.',
  oneNameForTwo: (name: string, one: string, other: string) =>
    `${one} and ${other} have one lock name, "${name}", and would keep each other from running. Give each a name of its ` +
    'own; or shared: true to all that have it, if they are meant to exclude one another.',
  oneJobForTwo: (name: string, job: string, one: string, other: string) =>
    `${one} and ${other} share the lock "${name}" and are both known as "${job}": a run of one would count as a run of ` +
    'the other. Give each a job of its own, such as { shared: true, job: "import" }.',
  notStatic: (method: string, kind: string, scope: 'transient' | 'request-scoped') =>
    `${method} is decorated with @Exclusive and a ${roleName(kind)}, but its provider is ${scope}: ` +
    `${NOT_STATIC[scope][kind === 'start hook' ? 'hook' : 'job']}. Make the provider and all ` +
    'its dependencies singletons.',
  noScheduler: (method: string, kind: string) =>
    `${method} is decorated with @Exclusive and a ${roleName(kind)}, but the application has no scheduler, so nothing would ` +
    'ever call it. Add ScheduleModule.forRoot() of @nestjs/schedule to the imports of the root module; or, where this ' +
    'process is not meant to run jobs, give ExclusiveLockModule.forRoot({ ticks: false }).',
  noTicks: () =>
    'This process takes no ticks (ticks: false): the @Exclusive methods that its scheduler calls are skipped, and ' +
    '@LeaderElection providers do not stand for election.',
  timerTooLong: (method: string, kind: 'interval' | 'timeout', ms: number, longest: number) =>
    `${method} is a ${roleName(kind)} of ${ms} ms, but no timer of Node.js is longer than ${longest} ms (24.8 days): this ` +
    `one would fire ${kind === 'interval' ? 'each millisecond' : 'at once'}. Use @Cron.`,
  momentOfThisProcess: (method: string, moment: number) =>
    `${method} is a ${roleName('cron')} for ${iso(moment)}, which is not a whole second, as if it had been computed ` +
    'from Date.now(): each replica would run it at a moment of its own. Give a constant that is the same in all, such as ' +
    "new Date('2030-01-01T03:00:00Z'), or use @Timeout, which runs once for all of them.",
  contentsNotJson: () => 'contents must be a value that JSON can hold, without cycles, functions or bigint.',
  notAClass: (decorator: string, key: string) =>
    `${decorator} must decorate a class; "${key}" is none. On a method: @Exclusive(name, options).`,
  notAMethod: (decorator: string, key: string) =>
    `${decorator} must decorate a method; "${key}" is not one. On a class: @Exclusive.defaults(options).`,
  generator: (decorator: string, key: string) =>
    `${decorator} cannot decorate the generator "${key}", which runs after it has returned. Make it async function*.`,
  staticMethod: (decorator: string, key: string) =>
    `${decorator} cannot decorate the static method "${key}": only methods of an object that Nest constructs can be locked.`,
  serviceMissing: (method: string) =>
    `${method} is decorated with @Exclusive, but Nest has not given its object the lock service. In an application, import ` +
    'ExclusiveLockModule.forRoot() and let Nest construct the object. In a unit test that constructs or mocks things ' +
    "itself, call withoutLocks(object) of 'nestjs-exclusive-lock/testing' first.",
  nothingDecorated: (what: string) =>
    `withoutLocks() was called with ${what}, which has no method with @Exclusive. Give it the object whose methods the test calls.`,

  electionOffClass: (decorator: string, key: string) =>
    `${decorator} must decorate a class; "${key}" is none. Put it above the class that has onLeadershipAcquired.`,
  electionNotStatic: (name: string, provider: string, scope: 'transient' | 'request-scoped') =>
    `${provider} has @LeaderElection("${name}"), but the provider is ${scope}: ${NOT_STATIC[scope].election}. Make the ` +
    'provider and all its dependencies singletons.',
  electionWithoutHooks: (name: string, provider: string) =>
    `${provider} has @LeaderElection("${name}"), but neither onLeadershipAcquired nor onLeadershipLost: there is nothing to ` +
    'call when this replica leads. Implement OnLeadershipAcquired.',
  oneElectionForTwo: (name: string, one: string, other: string) =>
    `${one} and ${other} both have @LeaderElection("${name}"). Give each a name of its own; or shared: true to all that have ` +
    'it, if they are meant to lead together.',
  electionOptionsDiffer: (name: string, one: string, other: string) =>
    `${one} and ${other} share @LeaderElection("${name}") and have different options, but one election has one lease. Give ` +
    'them the same ttl, renewEvery and contents.',
  electionAndMethod: (name: string, provider: string, method: string) =>
    `${provider} has @LeaderElection("${name}"), and ${method} has a lock of the same name: it would never run while a ` +
    'replica leads. Give each a name of its own.',

  // Causes, which stand inside of the sentences below
  noReply: (ms: number) => `no reply within ${Math.round(ms)} ms`,
  notAnsweredYet: () => 'the store has not answered yet',
  notInTime: () => 'it was not done in time: other processes were faster to write, or the disk is slow',
  writeUnknown: () =>
    'other processes have written while this one stood still, and it is unknown whether its own write came first',
  connectionNotReady: (ms: number) => `the connection was not ready within ${ms} ms`,
  connectionClosed: () => 'the server closed the connection',
  noPrimary: (name: string) =>
    `the server that the sentinels name as primary of ${name} is none, or closed the connection`,
  unknownToSentinels: (name: string) => `the sentinels know no primary of the name ${name}`,
  storeClosed: () => 'the store is closed',
  testTookItDown: () => 'the test has taken it down',

  // Stores
  redisFailed: (label: string, cause: unknown) =>
    `Redis at ${label} did not carry out the command: ${reason(cause)}.`,
  keepsNoLine: (refusal: string) =>
    `Waiters for a lock ask ten times a second, and keep no order: the Redis user lacks a permission that the queue needs ` +
    `(${refusal}). Grant it; the README lists the commands and channels.`,
  mayEvict: (label: string, policy: string) =>
    `Redis at ${label} may remove locks that are held when its memory is full (maxmemory-policy ${policy}); two ` +
    'replicas would run then. Set maxmemory-policy noeviction, or use a Redis for locks alone.',
  folderRefused: (folder: string, what: string, remedy: string) =>
    `The local store cannot use folder = ${folder}: ${what}; ${remedy}.`,
  storeUnavailable: (description: string, cause: unknown) =>
    `The lock store (${description}) is unavailable: ${reason(cause)}. Locks cannot be acquired until it is back.`,
  runsUnlocked: (method: string, name: string) =>
    `${method} runs without its lock "${name}", in every replica that calls it: the store is unavailable, and ` +
    "whenUnavailable is 'run'. So does every other method with that option until the store is back.",
  ranLate: (name: string, run: string, ms: number) =>
    `"${name}" (${run}) begins ${(ms / 1000).toFixed(1)} s late: the lock store was away.`,
  runLost: (name: string, run: string, shuttingDown: boolean) =>
    `"${name}" (${run}) was not run by this replica: the lock store was away until ` +
    `${shuttingDown ? 'the application shut down' : 'the next run was due, or retryFor was over'}. Later runs that are ` +
    'lost in this outage are not logged.',
  memoryInProduction: () =>
    "Locks are in the memory of this process (store: 'memory') and do not exclude other processes. Set redis or REDIS_URL.",
  locksOff: () =>
    'Locks are off (enabled: false): they are in the memory of this process and do not exclude other processes.',
  storeBack: (description: string, ms: number) =>
    `The lock store (${description}) is back after ${(ms / 1000).toFixed(1)} s.`,
  storeThrew: (description: string, cause: unknown) =>
    `The lock store (${description}) failed: ${reason(cause)}.`,

  heldAlready: (name: string, holder: string | undefined) =>
    `"${name}" cannot be held elsewhere: ${holder ?? 'somebody'} holds it. Let it be released first, or take it away ` +
    'with loseLease().',
  notRunElsewhere: (name: string, run: string, status: string) =>
    `"${name}" cannot be held elsewhere for the ${run}: the store says ${status}. Give another occurrence, or none.`,
  nothingToLose: (name: string, elsewhere: boolean) =>
    `The lease on "${name}" cannot be lost: ${elsewhere ? 'it is held elsewhere' : 'nobody holds the lock'}. Call ` +
    'loseLease() while the work of the application runs under it.',

  // Leases
  lost: (name: string, why: Exclude<LossReason, 'max-hold'>, times: LossTimes) =>
    `The lease on "${name}" is lost: ${LOSS_REASONS[why](times)}.`,
  heldTooLong: (name: string, maxHold: number) =>
    `The lease on "${name}" is lost: it was held for maxHold (${maxHold} ms), and is not renewed any more. Raise maxHold ` +
    'if the work needs longer; else let it end when its signal aborts.',
  streamOver: () =>
    'The lock of this stream was given back when its readers had left, or nobody came to read it. Call the method again.',
  alreadyAcquired: (key: string) =>
    `acquire() of the lock "${key}" was called while it is held already. It stays held; call release() first.`,
  notRenewed: (name: string) =>
    `The lease on "${name}" could not be renewed. That is tried again until the lease ends.`,
  unheardError: (key: string, error: unknown) =>
    `The lock "${key}" has no listener for its event error, which says: ${reason(error)}.`,
  listenerThrew: (event: string, key: string, error: unknown) =>
    `A listener for the event ${event} of the lock "${key}" threw: ${reason(error)}.`,
  answeredTooLate: (name: string, ms: number, ttl: number) =>
    `The lock "${name}" was granted, but the answer took ${Math.round(ms)} ms of its ${ttl} ms; it was given back.`,
  notGivenBack: (name: string, cause: unknown) =>
    `The lock "${name}" could not be given back: ${reason(cause)}. It expires by itself.`,
  releaseRefused: (name: string, cause: unknown, records: boolean) =>
    `The lock "${name}" cannot be given back: ${reason(cause)}. ${
      records
        ? 'It is renewed until the success of its work can be recorded, so that no replica does the same again.'
        : 'It expires by itself.'
    } Give the user of the store the permissions that it lacks, or remove the key that is in the way. Further refusals are ` +
    'not logged until a lock can be given back.',
  joinedOccurrence: (name: string) =>
    `occurrence cannot be claimed inside of work that holds "${name}" already. Claim it where the lock is taken.`,
  tooEarly: (name: string, by: number, tick: number, now: number) =>
    `A tick of "${name}" is ${Math.round(by / 1000)} s ahead of the store's clock and was skipped: the tick is at ` +
    `${new Date(tick).toISOString()}, this replica's clock says ${new Date(now).toISOString()}, the store's says ` +
    `${new Date(tick - by).toISOString()}. Set the clock of whichever is wrong.`,
  markFromFuture: (name: string, run: string, mark: number, store: number | undefined) =>
    `The lock "${name}" remembers a run at ${new Date(mark).toISOString()}, while the store's clock says ` +
    `${store === undefined ? 'less' : new Date(store).toISOString()}: that clock was set back. The mark was ignored, and ` +
    `the lock granted for ${run}.`,
  gaveUp: (name: string, run: string, attempts: number) =>
    `The ${run} was given up: ${attempts} ${attempts === 1 ? 'replica has' : 'replicas have'} begun it under the lock ` +
    `"${name}", and none finished it. Find out what kills them.`,
  grantedTooLate: (name: string, run: string) =>
    `"${name}" (${run}) was granted to this replica when the application had begun to shut down, and was given back: if the ` +
    'other replicas have asked for it already, nobody runs it.',
  spuriousCall: (job: string, time: Date) =>
    `${job} was called for ${time.toISOString()}, which its cron expression does not name, and the call was skipped: ` +
    'cron calls some jobs too early when the clocks change. The job runs when it is due.',
  outOfStep: (ahead: number, now: number, store: number) =>
    `The clock of this replica is ${(Math.abs(ahead) / 1000).toFixed(1)} s ${ahead > 0 ? 'ahead of' : 'behind'} the store's: ` +
    `it says ${new Date(now).toISOString()}, the store's ${new Date(store).toISOString()}. ` +
    'Ticks go by the store; set the clock of whichever is wrong.',
  timedOut: (name: string, ms: number, holder: string | undefined, cause: unknown) =>
    `The lock "${name}" could not be acquired within ${ms} ms: ` +
    `${cause === undefined ? `${holder ?? 'another program'} holds it` : reason(cause)}.`,
  standbyOver: (method: string, why: string) => `${method} did not run, and standbyTimeout is over. ${why}`,
  startGoesOn: () => "whenTimedOut is 'continue': the start goes on without it.",
  busy: (name: string, holder: string | undefined) =>
    `The lock "${name}" is busy: ${holder ?? 'another program'} holds it.`,
  skipped: (name: string, { reason: why, holder }: { reason: string; holder?: { replica?: string } }) =>
    `"${name}" is skipped: ${why}${holder?.replica ? ` (held by ${holder.replica})` : ''}.`,
  campaignInside: (name: string) =>
    `whileLeader() of the election "${name}" was called by work that holds the lock "${name}", and would wait for that to ` +
    'end. Call it elsewhere, or give the election a name of its own.',
  termBegan: (name: string, fencingToken: number) =>
    `This replica leads "${name}" (fencing token ${fencingToken}).`,
  termEnded: (name: string, fencingToken: number, why: string) =>
    `This replica leads "${name}" no more (fencing token ${fencingToken}): ${why}.`,
  steppedDown: (name: string) => `This replica has stepped down as leader of "${name}".`,
  termOver: (name: string) => `The application is shutting down and leads "${name}" no more.`,
  termFailed: (name: string, error: unknown, ms: number) =>
    `The work of the leader of "${name}" failed, and another replica may lead: ${reason(error)}. This one stands again ` +
    `after ${ms} ms, and after longer if that goes on, which is logged once.${stackOf(error)}`,
  termReturned: (name: string, led: number, ms: number) =>
    `The work of the leader of "${name}" returned after ${led} ms, which ended the term. Return a promise that is pending ` +
    `for as long as this replica is to lead. It stands again after ${ms} ms, and after longer if that goes on, which is ` +
    'logged once.',
  failedToEnd: (name: string, error: unknown) =>
    `The work of the leader of "${name}" failed while it was ending: ${reason(error)}.${stackOf(error)}`,
  leadershipLostFailed: (name: string, provider: string, error: unknown) =>
    `onLeadershipLost of ${provider} failed at the end of a term of "${name}": ${reason(error)}.${stackOf(error)}`,
  leadershipListenerThrew: (name: string, error: unknown) =>
    `A listener for the leadership of "${name}" threw: ${reason(error)}.`,
  forced: (name: string, fencingToken: number) =>
    `The lock "${name}" was taken from its holder by force (fencing token ${fencingToken}).`,
  storeCannot: (description: string, method: string) =>
    `The ${description} lacks the method ${method}, which a LockStore may leave out. Add it to the store.`,
  keepsNoRuns: (description: string, what: string) =>
    `${what} needs a store that keeps a record of runs, and the ${description} lacks the capability runs. Add it to the ` +
    `store, or do without ${what}.`,
  missed: (name: string, run: string, within: number | undefined) =>
    `"${name}" (${run}) was missed: no replica ran it, and it is too late now (missed.within is ${within} ms).`,
  runInsideItself: (method: string, name: string) =>
    `${method} cannot be run by hand from inside of work that holds its lock "${name}": it never runs twice at a time.`,
  notReached: (method: string) =>
    `${method} was called by hand, but a decorator above @Exclusive did not call it. Put @Exclusive above that decorator.`,
  runOfStartHook: (method: string) =>
    `${method} is a start hook, which Nest calls at the start of an application. It cannot be run by hand.`,
  jobElsewhere: (job: string, replicas: readonly string[]) =>
    `The job "${job}" is not one of this replica. Run it on one that has it: ${list(replicas)}.`,
  noSuchJob: (job: string, known: readonly string[]) =>
    `There is no job "${job}"${known.length === 0 ? ', nor any other' : `. Known jobs: ${list(known)}`}.`,
  ambiguousJob: (job: string, names: readonly string[]) =>
    `${list(names)} are locks that have a job "${job}" each. Name one of them: { name: ${show(names[0])}, job: ${show(job)} }.`,
  pauseOfInitialisation: (method: string) =>
    `${method} cannot be paused: it runs once a version, and others wait for it or count on it.`,
  otherSchedule: (method: string, own: string, replica: string, other: string) =>
    `${method} has the schedule ${own} in this replica, and ${other} in ${replica}: the job runs at the ticks of both. That ` +
    'is over when all replicas have the same version; else give them the same expression and time zone.',
  catalogueRefused: (cause: unknown) =>
    `This replica is not in the catalogue of jobs: the store refuses it (${reason(cause)}). Give the user of the store the ` +
    'permissions that it lacks, or set catalogue: false.',
  missedRunFailed: (method: string, tick: Date, error: unknown) =>
    `${method} failed when it was called for the missed tick ${iso(tick.getTime())}: ${traceOf(error)}`,
  subscriberThrew: (error: unknown) => `A subscriber of events$ threw: ${reason(error)}.`,
  eventListenerThrew: (error: unknown) => `A listener of onEvent threw: ${reason(error)}.`,
  shuttingDown: (name: string) => `The lock "${name}" was not requested: the application is shutting down.`,
  drainOver: (name: string) =>
    `The application is shutting down and "${name}" is still running after drainTimeout.`,
  destroyedTooEarly: (providers: readonly string[]) =>
    `onModuleDestroy of ${list(providers)} may be called before scheduled work has ended, since its module is at the same ` +
    "end of Nest's shutdown order as ExclusiveLockModule. Close what the work needs in onApplicationShutdown.",
  draining: (names: readonly string[], ms: number) =>
    `The application is shutting down and waits up to ${(ms / 1000).toFixed(1)} s for the work that runs: ${list(names)}.`,
  drainTimedOut: (names: readonly string[], ms: number) =>
    `Still running after drainTimeout (${ms} ms), their signals abort now: ${list(names)}.`,
  neverReturned: (names: readonly string[]) =>
    'Work did not return, or a lease was not released, after its signal had aborted; the locks expire by themselves: ' +
    `${list(names)}.`,
} as const;

/** What becomes of a method on an object that is no singleton. */
const NOT_STATIC = {
  transient: {
    job: 'the scheduler would call it on an object whose constructor never ran',
    hook: 'Nest calls it on each object that it makes, one for every class that injects the provider',
    election: 'Nest makes an object for every class that injects the provider',
  },
  'request-scoped': {
    job: 'the scheduler passes it over, and nothing would ever call it',
    hook: 'Nest makes its objects after the start, and would never call it',
    election: 'Nest makes its objects after the start, and none of them would ever lead',
  },
};

const ROLE_NAMES: Record<string, string> = {
  cron: '@Cron method',
  interval: '@Interval method',
  timeout: '@Timeout method',
  'start hook': 'start hook (onModuleInit, onApplicationBootstrap)',
  plain: 'method that no scheduler calls',
};

/** What there is to know of a loss, in milliseconds. */
interface LossTimes {
  readonly ttl: number;
  /** For how long the event loop had not turned. */
  readonly stalledFor: number;
}

/** Why, and what to do. */
const LOSS_REASONS: Record<Exclude<LossReason, 'max-hold'>, (times: LossTimes) => string> = {
  expired: ({ ttl, stalledFor }) =>
    stalledFor < 1
      ? `its time ran out before it could be renewed. Raise ttl (${ttl} ms)`
      : `its time ran out while the event loop was blocked, or the process stood still, for ${Math.round(stalledFor)} ms. ` +
        `Move the work that blocks to a worker thread, or raise ttl (${ttl} ms) well above that`,
  taken: () =>
    'somebody else holds the lock now. It was taken by force, or the store had lost it: see the log of the new holder, and ' +
    'check whether the store evicts or loses data',
  vanished: () =>
    'the lock is gone from the store. It was deleted, evicted, or lost with the data of the store: set maxmemory-policy ' +
    'noeviction, and have the store keep its data over a restart',
  'store-unavailable': ({ ttl }) =>
    `its time ran out while the store could not be reached. Raise ttl (${ttl} ms) to outlast such an outage`,
  released: () => 'it was released',
};

/** How many names a line has at most. */
const SHOWN = 5;

function list(names: readonly string[]): string {
  const more = names.length - SHOWN;
  return more > 0 ? `${names.slice(0, SHOWN).join(', ')} and ${more} more` : names.join(', ');
}

function roleName(kind: string): string {
  return ROLE_NAMES[kind] ?? kind;
}

function iso(moment: number): string {
  return Number.isNaN(moment) ? 'an invalid Date' : new Date(moment).toISOString();
}

function show(value: unknown): string {
  if (typeof value === 'string') {
    // A URL in the wrong place may hold a password.
    const text = value.replace(/\/\/.*@/s, '//…@');
    return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
  }
  if (typeof value === 'function') return `a function`;
  if (Array.isArray(value)) return 'an array';
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'an invalid Date' : 'a Date';
  return typeof value === 'object' && value !== null ? 'an object' : String(value);
}

/** Nobody but the log gets the errors of a leader's work. */
function stackOf(error: unknown): string {
  return isErrorLike(error) && error.stack ? `\n${error.stack}` : '';
}

function traceOf(error: unknown): string {
  return (isErrorLike(error) && error.stack) || reason(error);
}

function reason(cause: unknown): string {
  if (cause === undefined) return 'no connection';
  if (!isErrorLike(cause)) return show(cause);
  // It stands inside of a sentence.
  return cause.message.replace(/\.+$/, '') || (cause as NodeJS.ErrnoException).code || cause.name;
}
