// Puts packages into node_modules here. Loads none of them: they may not be there yet.
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const HERE = join(import.meta.dirname, '..');
const ROOT = join(HERE, '..');
const MODULES = join(HERE, 'node_modules');

/** What the library is compared with, unless it is there. */
export function installPackages() {
  const { dependencies } = readJson(join(HERE, 'package.json'));
  if (Object.keys(dependencies).every((name) => existsSync(join(MODULES, name)))) return;
  execFileSync('npm', ['ci', '--no-audit', '--no-fund'], { cwd: HERE, stdio: 'inherit' });
}

/** The library as it was built last. */
export function installLibrary() {
  put(ROOT, 'nestjs-exclusive-lock', {});
}

/** The library as it was at a commit, under a name of its own. Its version is the commit. */
export function installBefore(ref) {
  const version = commitOf(ref);
  const name = 'nestjs-exclusive-lock-before';
  const installed = join(MODULES, name, 'package.json');
  if (existsSync(installed) && readJson(installed).version === version) return;
  console.error(`building ${version} …`);
  const folder = mkdtempSync(join(tmpdir(), 'exclusive-lock-before-'));
  try {
    const files = execFileSync('git', ['archive', version], { cwd: ROOT, maxBuffer: Infinity });
    execFileSync('tar', ['-x', '-C', folder], { input: files });
    symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
    execFileSync('npm', ['run', '--silent', 'build'], { cwd: folder, stdio: 'inherit' });
    put(folder, name, { name, version });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function commitOf(ref) {
  try {
    const args = ['rev-parse', '--verify', '--short', `${ref}^{commit}`];
    return execFileSync('git', args, { cwd: ROOT, encoding: 'utf8', stdio: 'pipe' }).trim();
  } catch {
    throw new Error(`--against: this repository has no commit ${ref}. Give a hash, a branch or a tag.`);
  }
}

/** Where an npm install would put it: so it shares ioredis and Nest with the other packages. */
function put(folder, name, changes) {
  const target = join(MODULES, name);
  rmSync(target, { recursive: true, force: true });
  cpSync(join(folder, 'dist'), join(target, 'dist'), { recursive: true });
  const about = { ...readJson(join(folder, 'package.json')), ...changes };
  writeFileSync(join(target, 'package.json'), JSON.stringify(about, null, 2));
}

function readJson(file) {
  return JSON.parse(readFileSync(file, 'utf8'));
}
