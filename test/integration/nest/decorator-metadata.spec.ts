import { Injectable, SetMetadata, applyDecorators } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { Exclusive } from 'nestjs-exclusive-lock';
import { closeApps, startApp } from './support/nest-apps.js';

afterEach(closeApps);

const Team = (name: string) => SetMetadata('team', name);
const SYMBOL = Symbol('a key');

/** What users combine: theirs and ours, in both orders. */
const Nightly = (name: string) => applyDecorators(Exclusive(name), Team('night'));
const NightlyBelow = (name: string) => applyDecorators(Team('night'), Exclusive(name));

@Injectable()
class Jobs {
  @Team('above')
  @Exclusive('metadata-above')
  async above(_a: string, _b: number): Promise<string | undefined> {
    return 'above';
  }

  @Exclusive('metadata-below')
  @Team('below')
  @SetMetadata(SYMBOL, { deep: true })
  async below(_a: string, _b = 2, ..._rest: string[]): Promise<string | undefined> {
    return 'below';
  }

  @Nightly('metadata-composed')
  composed(): string {
    return 'composed';
  }

  @NightlyBelow('metadata-composed-below')
  composedBelow(): string {
    return 'composedBelow';
  }

  @Exclusive()
  async [SYMBOL](): Promise<string | undefined> {
    return 'symbol';
  }

  plain(_a: string): string {
    return 'plain';
  }
}

const METHODS = ['above', 'below', 'composed', 'composedBelow'] as const;

function attributes(key: keyof Jobs): PropertyDescriptor {
  return { ...Object.getOwnPropertyDescriptor(Jobs.prototype, key), value: undefined };
}

describe('a method with @Exclusive', () => {
  it('keeps its name and its length', () => {
    const methods = (['above', 'below', 'composed'] as const).map((key) => Jobs.prototype[key]);
    expect(methods.map((method) => [method.name, method.length])).toEqual([
      ['above', 2],
      ['below', 1],
      ['composed', 0],
    ]);
  });

  it('keeps the attributes of its property', () => {
    expect(attributes('above')).toEqual(attributes('plain'));
  });

  it.each([
    ['above', 'above'],
    ['below', 'below'],
    ['composed', 'night'],
    ['composedBelow', 'night'],
  ] as const)('keeps the metadata of other decorators, in whatever order: %s', async (method, team) => {
    const { module } = await startApp({ providers: [Jobs] });
    expect(module.get(Reflector).get('team', module.get(Jobs)[method])).toBe(team);
  });

  it('keeps metadata under symbols, and the types that TypeScript emits', () => {
    expect(Reflect.getMetadata(SYMBOL, Jobs.prototype['below' as keyof Jobs])).toEqual({ deep: true });
    expect(Reflect.getMetadata('design:paramtypes', Jobs.prototype, 'above')).toEqual([String, Number]);
  });

  it.each(METHODS)('runs under its lock, whatever the order of decorators: %s', async (method) => {
    const { module, locks } = await startApp({ providers: [Jobs] });
    const jobs = module.get(Jobs);
    const call = async (): Promise<unknown> => jobs[method]('', 0);
    await expect(call()).resolves.toBe(method);
    const name = `metadata-${method.replace('B', '-b')}`;
    const lease = await locks.acquire(name);
    expect(lease).not.toBeNull();
    await expect(call()).resolves.toBeUndefined();
    await lease?.release();
  });

  it('may be named by a symbol', async () => {
    const { module } = await startApp({ providers: [Jobs] });
    const value: unknown = module.get(Jobs)[SYMBOL]();
    await expect(value).resolves.toBe('symbol');
  });
});
