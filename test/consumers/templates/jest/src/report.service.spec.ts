import { Test, type TestingModuleBuilder } from '@nestjs/testing';
import { ExclusiveLockModule, ExclusiveLockService } from 'nestjs-exclusive-lock';
import { ReportService } from './report.service';

function testingModule(): TestingModuleBuilder {
  return Test.createTestingModule({
    imports: [ExclusiveLockModule.forRoot({ store: 'memory' })],
    providers: [ReportService],
  });
}

describe('ReportService', () => {
  it('makes one report at a time', async () => {
    const app = await testingModule().compile();
    await app.init();
    const reports = app.get(ReportService);

    const results = await Promise.all([reports.make('a'), reports.make('b')]);

    expect(results).toEqual(['report: a', undefined]);
    expect(reports.made).toBe(1);
    await expect(reports.make('c')).resolves.toBe('report: c');
    await app.close();
  });

  it('can have the lock service replaced', async () => {
    const run = jest.fn(async (_name: string, work: () => Promise<string>) => ({
      status: 'ran',
      value: (await work()).toUpperCase(),
    }));
    const app = await testingModule().overrideProvider(ExclusiveLockService).useValue({ run }).compile();

    await expect(app.get(ReportService).make('a')).resolves.toBe('REPORT: A');
    expect(run).toHaveBeenCalledTimes(1);
    expect(run.mock.calls[0]?.[0]).toBe('report');
    await app.close();
  });
});
