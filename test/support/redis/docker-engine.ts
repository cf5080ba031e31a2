import { existsSync } from 'node:fs';
import { request, type RequestOptions } from 'node:http';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** Whether a Docker engine answers. The `docker` client says nothing about that: it may be installed alone. */
export async function dockerEngineAnswers(): Promise<boolean> {
  const answers = await Promise.all(engines().map(answersHttp));
  return answers.includes(true);
}

/** Where Testcontainers would look for one. */
function engines(): RequestOptions[] {
  const told = process.env.DOCKER_HOST;
  if (told) return [fromUrl(told)];
  const runtimeFolder = process.env.XDG_RUNTIME_DIR ?? `/run/user/${process.getuid?.() ?? 0}`;
  return [
    '/var/run/docker.sock',
    join(runtimeFolder, 'docker.sock'),
    join(homedir(), '.docker/run/docker.sock'),
    join(homedir(), '.docker/desktop/docker.sock'),
  ]
    .filter((socketPath) => existsSync(socketPath))
    .map((socketPath) => ({ socketPath }));
}

function fromUrl(url: string): RequestOptions {
  const { hostname, port, pathname } = new URL(url);
  return hostname ? { host: hostname, port: port || 2375 } : { socketPath: pathname };
}

/** Any answer will do: an engine that wants TLS says so in plain HTTP. */
function answersHttp(engine: RequestOptions): Promise<boolean> {
  return new Promise((resolve) => {
    const ping = request({ ...engine, path: '/_ping', timeout: 1000 }, (response) => {
      response.resume();
      resolve(true);
    });
    ping.once('timeout', () => ping.destroy(new Error('no answer')));
    ping.once('error', () => resolve(false));
    ping.end();
  });
}
