import type { JobDescription } from './local-jobs.js';

/** What a replica publishes about itself. Times are milliseconds since the epoch. */
export interface ReplicaEntry {
  readonly replica: string;
  readonly application?: string | undefined;
  readonly version?: string | undefined;
  readonly started: number;
  /** When this was published, by the replica's clock. */
  readonly published?: number | undefined;
  /** Milliseconds by which the replica's clock is ahead of the store's; undefined until it is measured. */
  readonly ahead?: number | undefined;
  readonly jobs: readonly JobDescription[];
}

/** Returns undefined if the text is not an entry of this version; another version may have written it. */
export function parseEntry(text: string): ReplicaEntry | undefined {
  let entry: unknown;
  try {
    entry = JSON.parse(text);
  } catch {
    return undefined;
  }
  return isEntry(entry) ? entry : undefined;
}

function isEntry(value: unknown): value is ReplicaEntry {
  const { replica, started, jobs } = (value ?? {}) as Partial<ReplicaEntry>;
  return (
    typeof replica === 'string' &&
    typeof started === 'number' &&
    Array.isArray(jobs) &&
    jobs.every(isDescription)
  );
}

function isDescription(value: unknown): value is JobDescription {
  const { name, kind, job, method, role } = (value ?? {}) as Partial<JobDescription>;
  const isText = [name, job, method, role].every((text) => typeof text === 'string');
  return isText && (kind === 'tick' || kind === 'gap' || (kind === 'key' && isJobOfKey(job!)));
}

function isJobOfKey(job: string): boolean {
  try {
    const parts: unknown = JSON.parse(job);
    return Array.isArray(parts) && parts.length > 0 && parts.every((part) => typeof part === 'string');
  } catch {
    return false;
  }
}
