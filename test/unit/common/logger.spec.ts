import { loggerOf, type LoggerWithLevels } from '../../../lib/common/logger.js';

type Line = [level: string, ...args: unknown[]];

/** A logger that has these methods only, and needs its `this` as pino does. */
class Recorder {
  readonly lines: Line[] = [];
  readonly [level: string]: unknown;

  constructor(...levels: string[]) {
    for (const level of levels) {
      const keep = function (this: Recorder, ...args: unknown[]): void {
        this.lines.push([level, ...args]);
      };
      Object.assign(this, { [level]: keep });
    }
  }
}

const given = (recorder: Recorder): LoggerWithLevels => recorder as unknown as LoggerWithLevels;

function logAll(recorder: Recorder): Line[] {
  const logger = loggerOf(given(recorder));
  logger.debug('d');
  logger.log('l');
  logger.warn('w');
  logger.error('e');
  return recorder.lines;
}

describe('a logger in the options', () => {
  it('is called directly if it has the levels of a LoggerService of Nest', () => {
    const lines = logAll(new Recorder('debug', 'log', 'warn', 'error'));
    expect(lines).toEqual([
      ['debug', 'd'],
      ['log', 'l'],
      ['warn', 'w'],
      ['error', 'e'],
    ]);
  });

  it('gets messages at info if it has no log, like pino', () => {
    const lines = logAll(new Recorder('debug', 'info', 'warn', 'error'));
    expect(lines[1]).toEqual(['info', 'l']);
  });

  it('gets messages at info if it has both, because the log of winston expects a level first', () => {
    const lines = logAll(new Recorder('debug', 'info', 'log', 'warn', 'error'));
    expect(lines[1]).toEqual(['info', 'l']);
  });

  it('may lack debug', () => {
    const lines = logAll(new Recorder('log', 'warn', 'error'));
    expect(lines.map(([level]) => level)).toEqual(['log', 'warn', 'error']);
  });

  it('may throw or reject without doing harm', async () => {
    const unhandled: unknown[] = [];
    const note = (reason: unknown): void => void unhandled.push(reason);
    process.on('unhandledRejection', note);
    const failing = {
      info: () => {
        throw new Error('the worker has exited');
      },
      warn: () => Promise.reject(new Error('the pipe is closed')),
      error: () => undefined,
    };
    const logger = loggerOf(failing);

    expect(() => logger.log('news')).not.toThrow();
    expect(() => logger.warn('beware')).not.toThrow();

    await new Promise((resolve) => setImmediate(resolve));
    process.off('unhandledRejection', note);
    expect(unhandled).toEqual([]);
  });

  it('logs nothing if it is false', () => {
    const logger = loggerOf(false);
    expect([logger.debug('d'), logger.log('l'), logger.warn('w'), logger.error('e')]).toEqual(
      Array.from({ length: 4 }),
    );
  });

  it.each<[what: string, logger: unknown, told: string]>([
    ['has no warn and error', new Recorder('debug', 'info'), 'the given one lacks warn, error'],
    ['has neither info nor log', new Recorder('warn', 'error'), 'the given one lacks info (or log)'],
    ['has something else for debug', { ...console, debug: true }, 'the given one lacks debug'],
    ['is true', true, 'logger = true'],
    ['is null', null, 'logger = null'],
    ['is a name', 'pino', 'logger = "pino"'],
  ])('is refused when it %s', (_what, logger, told) => {
    const refused = (): unknown => loggerOf(logger as LoggerWithLevels);
    expect(refused).toThrow(expect.objectContaining({ code: 'LOCK_CONFIGURATION' }));
    expect(refused).toThrow(told);
  });
});
