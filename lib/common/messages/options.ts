import { lacking, show } from './wording.js';

/** About the options of `forRoot()`, `openLocks()` and of single calls. */
export const optionMessages = {
  unknownOption: (option: string, known: readonly string[], of: string) =>
    `${option} is not an option of ${of}. Known options: ${known.join(', ')}.`,
  onlyInNest: (option: string) =>
    `${option} has no effect in openLocks(): only ExclusiveLockModule.forRoot() uses it. Leave it out.`,
  notAnObject: (value: unknown, of: string) => `The options of ${of} must be an object; got ${show(value)}.`,
  wrongType: (option: string, expected: string, value: unknown) =>
    `${option} must be ${expected}; got ${option} = ${show(value)}.`,
  noValue: (option: string) =>
    `${option} has no value: ${option} = undefined. Most likely the environment variable that it is read from is not set ` +
    `here. Set it, or leave ${option} out to use the default.`,
  durationWithoutUnit: (option: string, expected: string, value: string) =>
    `${option} must be ${expected}; got ${option} = ${show(value)}, which has no unit. Add one, such as ` +
    `"${value.trim()}ms" or "${value.trim()}s", or pass a number: Number() converts an environment variable.`,
  badName: (what: string, value: unknown, problem: string) => `${what} ${problem}; got ${show(value)}.`,
  contentsNotJson: () =>
    'contents must be a value that JSON can represent, without cycles, functions or bigint.',
  ttlTooShortForRenewal: (ttl: number, renewEvery: number) =>
    `ttl must be at least 2 × renewEvery, so that one renewal may fail; got ttl = ${ttl}, renewEvery = ${renewEvery}. ` +
    `Raise ttl to ${2 * renewEvery} or leave renewEvery out (ttl / 3).`,
  ttlTooShortForStore: (description: string, ttl: number, shortest: number) =>
    `ttl must be at least ${shortest} with ${description}, which cannot free the lock of a process that has died any ` +
    `sooner; got ttl = ${ttl}. Raise ttl to ${shortest}.`,
  renewEveryWithoutTtl: (renewEvery: number) =>
    `renewEvery needs a ttl of at least twice its length; got renewEvery = ${renewEvery} and no ttl. ` +
    `Add ttl: ${renewEvery * 3}.`,

  noForRoot: () =>
    'ExclusiveLockModule is imported without forRoot(). Add ExclusiveLockModule.forRoot({ … }) or forRootAsync() to the ' +
    'imports of the root module. The module is global, so other modules need not import it.',
  colonInPrefix: (prefix: string) =>
    `prefix must not contain a colon, which separates prefix and name: locks with the prefixes "a" and "a:b" would ` +
    `overlap; got prefix = ${show(prefix)}. Write ${show(prefix.replaceAll(':', '-'))}. For a namespace that ends with a ` +
    'colon, set keyPrefix in the redis options.',
  noApplication: () =>
    'This application has no name, because no package.json above its main script has one. If another application uses ' +
    'the same locks, no warning can tell you. Set the option application.',
  otherApplication: (name: string, what: 'held' | 'run', other: string, own: string) =>
    `"${name}" ${what === 'held' ? 'is held' : 'was run'} by the application "${other}", but this application is "${own}": ` +
    'with the same prefix they keep each other from running. Give each its own prefix. If they are meant to exclude each ' +
    'other, set the option application to the same name in both.',
  notALogger: (missing: readonly string[]) =>
    `logger must have the methods info (or log), warn and error; ${lacking(missing)}.`,

  redisAndStore: () => 'The options redis and store exclude each other. Leave one of them out.',
  folderWithoutLocal: () => "folder needs store: 'local'. Add that, or leave folder out.",
  noAddress: (option: string) =>
    `redis.${option} has no value, so the client would connect to localhost. Most likely the environment variable that it is ` +
    'read from is not set here. Set it.',
  foreignRedisOption: (option: string) =>
    `redis.${option} is not an option of ioredis, which would connect to localhost. Set redis to a URL, ` +
    '{ host, port }, { cluster: [{ host, port }] }, or a client of ioredis or node-redis.',
  nodeRedisUnreadable: () =>
    'redis is a client of node-redis whose settings cannot be read, as those of createSentinel(), createClientPool() and, ' +
    'in version 4, createCluster(). Locks need a connection of their own. Set redis to its settings: ' +
    '{ sentinels: [{ host, port }], name }, { cluster: [{ host, port }] } or { host, port }.',
  nodeRedisCredentials: () =>
    'redis is a client of node-redis with a credentialsProvider, whose credentials may change. Locks need a connection of ' +
    'their own, with fixed credentials. Set redis to its settings: { host, port, username, password }.',
  nodeRedisSocket: (option: string) =>
    `redis is a client of node-redis with socket.${option}, which cannot be taken over: locks need a connection of their ` +
    'own, made by ioredis. Leave that option out, or set redis to a client of ioredis.',
  nodeRedisNeedsIoredis: () =>
    'redis is a client of node-redis. The package ioredis makes a connection for locks from its settings, and could not ' +
    'be loaded. Run: npm install ioredis',
  badRedisUrl: (option: string, problem: string) =>
    `${option} is not a Redis URL: ${problem}. Give redis://[user:password@]host[:port][/db], rediss://… for TLS, ` +
    `or the path of a Unix socket.`,
  missingPeer: (peer: string, store: string) =>
    `The ${store} store needs the package ${peer}, which could not be loaded. Run: npm install ${peer}`,
  notAStore: (missing: readonly string[]) => `store must be a LockStore; ${lacking(missing)}.`,
  notALockStoreYet: (missing: readonly string[]) =>
    `store must be a LockStore; ${lacking(missing)}. If it has acquire, renew and release, like a store for @nestjs/locks, ` +
    'pass store: basicStore(yourStore).',
  notABasicStore: (missing: readonly string[]) =>
    `basicStore() needs a store with acquire, renew and release; ${lacking(missing)}.`,
  noStoreInProduction: () =>
    'No option says where the locks of this application live. In production (NODE_ENV) and on Kubernetes there is no ' +
    "default. If replicas run on several machines, set REDIS_URL or redis: 'redis://…'. If all of them run on one " +
    "machine, set store: 'local'.",
  localStoreByDefault: (description: string) =>
    `Neither the option redis nor REDIS_URL is set, so locks live in the ${description} and exclude only the processes of ` +
    "this machine. Set REDIS_URL for several machines, or store: 'local' to silence this.",
} as const;
