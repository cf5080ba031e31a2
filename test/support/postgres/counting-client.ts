import { Client } from 'pg';

/** A class of clients that notes the statements they send. */
export function countingClient(): { Counting: typeof Client; sent: string[] } {
  const sent: string[] = [];
  class Counting extends Client {
    constructor(config?: ConstructorParameters<typeof Client>[0]) {
      super(config);
      const query = this.query.bind(this) as (...args: unknown[]) => never;
      this.query = (...args: unknown[]) => {
        const [{ name, text }] = args as [{ name?: string; text: string }];
        sent.push(name ?? text);
        return query(...args);
      };
    }
  }
  return { Counting, sent };
}

/** What `postgresStore()` takes for a pool of pg. */
export function poolOf(ClientClass: typeof Client, connectionString: string): object {
  return { Client: ClientClass, options: { connectionString } };
}
