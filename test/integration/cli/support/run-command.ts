import { tmpdir } from 'node:os';
import { runCommandLine } from '../../../../lib/cli/main.js';

/** What a command has said, and how it ended. */
export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** The lines of stdout, read as JSON. */
  readonly objects: Record<string, unknown>[];
}

export interface CommandTrial {
  readonly env?: NodeJS.ProcessEnv;
  readonly signal?: AbortSignal;
  /** Called with what is written to stdout. */
  readonly onText?: (text: string) => unknown;
}

/** Runs a command in this process. */
export async function runCommand(
  args: readonly string[],
  { env = {}, signal = new AbortController().signal, onText }: CommandTrial = {},
): Promise<CommandResult> {
  let stdout = '';
  let stderr = '';
  const code = await runCommandLine(args, {
    stdout: {
      write: (text) => {
        stdout += text;
        onText?.(text);
      },
    },
    stderr: { write: (text) => (stderr += text) },
    env,
    folder: tmpdir(),
    signal,
  });
  const lines = stdout.split('\n').filter((line) => line.startsWith('{'));
  return { code, stdout, stderr, objects: lines.map((line) => JSON.parse(line) as Record<string, unknown>) };
}
