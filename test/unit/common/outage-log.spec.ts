import { OutageLog } from '../../../lib/common/outage-log.js';
import { RecordingLogger } from '../core/support/recording-logger.js';

let logger: RecordingLogger;
let outages: OutageLog;

beforeEach(() => {
  logger = new RecordingLogger();
  outages = new OutageLog(logger);
});

/** As a Redis that has become read-only answers a write. */
const refusal = () => Object.assign(new Error('READONLY'), { name: 'ReplyError' });
const lines = () => ({ errors: logger.errors.length, logs: logger.logs.length });

describe('the outage log', () => {
  it('logs once that the store is away, with the reason, and once that it is back', () => {
    for (let i = 0; i < 3; i++) outages.begin('Redis at cache:6379', new Error('ECONNREFUSED'));
    for (let i = 0; i < 3; i++) outages.end();

    expect(logger.errors).toEqual([expect.stringMatching(/Redis at cache:6379.*unavailable: ECONNREFUSED/)]);
    expect(logger.logs).toEqual([expect.stringMatching(/Redis at cache:6379.*back after \d+\.\d s/)]);
    expect([...logger.warnings, ...logger.debugs]).toEqual([]);
  });

  it('logs nothing if an outage that ends had not begun', () => {
    outages.end();
    outages.end('acquire');

    expect(lines()).toEqual({ errors: 0, logs: 0 });
  });

  it('begins again with the next outage', () => {
    outages.begin('store', new Error('first'));
    outages.end();
    outages.begin('store', new Error('second'));

    expect(logger.errors).toEqual([expect.stringContaining('first'), expect.stringContaining('second')]);
  });

  it.each([
    ['an operation succeeds', 'acquire'],
    ['it is ready', undefined],
  ])('ends after a lost connection or reply as soon as %s', (_, operation) => {
    outages.begin('store', undefined);

    outages.end(operation);

    expect(lines()).toEqual({ errors: 1, logs: 1 });
  });

  it('ends after a refusal when the same operation succeeds, and not before', () => {
    outages.begin('store', refusal(), 'acquire');

    outages.end('inspect');
    outages.end();
    expect(lines()).toEqual({ errors: 1, logs: 0 });
    outages.end('acquire');

    expect(lines()).toEqual({ errors: 1, logs: 1 });
  });

  it('keeps its refusal when another operation is also refused', () => {
    outages.begin('store', refusal(), 'acquire');
    outages.begin('store', refusal(), 'renew');

    outages.end('renew');
    expect(lines()).toEqual({ errors: 1, logs: 0 });
    outages.end('acquire');

    expect(lines()).toEqual({ errors: 1, logs: 1 });
  });

  it.each([
    [undefined, 'no connection'],
    ['a string', '"a string"'],
    [new Error('the message'), 'the message'],
    [Object.assign(new Error(''), { code: 'ECONNRESET' }), 'ECONNRESET'],
    [new TypeError(''), 'TypeError'],
  ])('reports the cause %p as "%s"', (cause, reason) => {
    outages.begin('store', cause);

    expect(logger.errors[0]).toContain(`unavailable: ${reason}.`);
  });
});
