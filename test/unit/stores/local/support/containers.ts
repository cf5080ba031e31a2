import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Whether this user may make namespaces of the kernel, as containers have them. */
export const canContain = succeeds('unshare', [
  '--mount',
  '--pid',
  '--time',
  '--fork',
  '--monotonic',
  '1000',
  'sh',
  '-c',
  'mount --bind /dev/null /proc/sys/kernel/random/boot_id',
]);

/** The command of a process that has pids of its own, and sees only those. */
export const ownPids = ['unshare', '--pid', '--fork', '--kill-child', '--mount-proc'];

/** The same, and its /proc shows the pids of the machine, as after `unshare --pid` alone. */
export const ownPidsWithoutProc = ['unshare', '--pid', '--fork', '--kill-child'];

/** The command of a process with the same pids as the child of `unshare`. */
export function withPidsOf(unshare: number): string[] {
  const child = readFileSync(`/proc/${unshare}/task/${unshare}/children`, 'utf8').trim();
  return ['nsenter', '--target', child, '--pid'];
}

/**
 * The command of a process that takes this machine for another: with a boot id of its own, and a monotonic clock that
 * is `ahead` of ours.
 *
 * @param ahead seconds
 */
export function onAnotherMachine(folder: string, ahead: number): string[] {
  const bootId = join(folder, 'boot-id');
  writeFileSync(bootId, '11111111-2222-3333-4444-555555555555\n');
  return [
    'unshare',
    '--mount',
    '--time',
    '--monotonic',
    String(ahead),
    '--fork',
    '--kill-child',
    'sh',
    '-c',
    'mount --bind "$0" /proc/sys/kernel/random/boot_id && exec "$@"',
    bootId,
  ];
}

function succeeds(command: string, args: readonly string[]): boolean {
  try {
    execFileSync(command, args, { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
