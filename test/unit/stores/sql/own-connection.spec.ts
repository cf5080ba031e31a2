import { OwnConnection, type Send } from '../../../../lib/stores/sql/own-connection.js';

/** A connection to nothing. */
class FakeConnection extends OwnConnection {
  ask<R>(send: Send<R>): Promise<R> {
    return this.replyTo(send, performance.now() + 1000, 1000);
  }

  protected override destroy(): void {}

  protected override sayGoodbye(done: () => void): void {
    done();
  }

  protected override isCuredByReconnect(): boolean {
    return true;
  }
}

describe('a connection of a database', () => {
  it('fails a statement at once that is sent after the server has ended it', async () => {
    let ends = 0;
    const connection = new FakeConnection(() => ends++);
    connection.end(new Error('terminated by an operator'));

    await expect(connection.ask((done) => done(new Error('not queryable'), undefined))).rejects.toThrow(
      'not queryable',
    );
    expect(ends).toBe(1);
  }, 10_000);

  it('ends with an error after which its state is unknown, and fails the statement with it', async () => {
    const connection = new FakeConnection(() => undefined);

    await expect(connection.ask((done) => done(new Error('reset'), undefined))).rejects.toThrow('reset');
    expect(connection.hasEnded).toBe(true);
  });

  it('fails the statement that is under way when it is closed', async () => {
    const connection = new FakeConnection(() => undefined);
    const asked = connection.ask(() => undefined);
    await connection.close();

    await expect(asked).rejects.toThrow('closed');
  });
});
