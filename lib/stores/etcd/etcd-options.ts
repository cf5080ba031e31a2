import type { AgentOptions } from 'node:https';
import { checkOptions, refuse, type KnownOptions } from '../../common/check-options.js';

/** Options of `etcdStore()`. */
export interface EtcdStoreOptions {
  /**
   * The client URLs of the members, `http://host:2379` or `https://host:2379`: one, or several of the same cluster. If one
   * does not answer, the next is asked.
   */
  readonly endpoints: string | readonly string[];
  /** Where etcd has authentication switched on; needs `password`. */
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  /** For `https://`: what `tls.connect()` takes, such as `{ ca, cert, key }`. */
  readonly tls?: EtcdTlsOptions | undefined;
}

/** What `tls.connect()` of Node takes to check the server's certificate and to show one of our own. */
export type EtcdTlsOptions = Pick<
  AgentOptions,
  | 'ca'
  | 'cert'
  | 'checkServerIdentity'
  | 'ciphers'
  | 'crl'
  | 'key'
  | 'maxVersion'
  | 'minVersion'
  | 'passphrase'
  | 'pfx'
  | 'rejectUnauthorized'
  | 'servername'
>;

/** The options, checked. */
export interface EtcdSettings {
  readonly endpoints: readonly URL[];
  readonly credentials: { readonly name: string; readonly password: string } | undefined;
  readonly tls: EtcdTlsOptions;
}

const OPTIONS: KnownOptions<EtcdStoreOptions> = {
  endpoints: true,
  username: true,
  password: true,
  tls: true,
};

const AN_ENDPOINT = "the URL of a member of the cluster, such as 'http://etcd-1:2379', or some of them";

/** @throws LockConfigurationError */
export function checkEtcdOptions(options: EtcdStoreOptions): EtcdSettings {
  checkOptions(options, OPTIONS, 'etcdStore()');
  const { endpoints, username, password, tls = {} } = options;
  const urls = [endpoints].flat().map(endpoint);
  if (urls.length === 0) refuse('endpoints', AN_ENDPOINT, endpoints);
  if (urls.some(({ protocol }) => protocol !== urls[0].protocol))
    refuse('endpoints', 'either http:// or https:// URLs', endpoints);
  if (typeof tls !== 'object' || tls === null) refuse('tls', 'an object such as { ca, cert, key }', tls);
  if (options.tls && !urls.every(({ protocol }) => protocol === 'https:'))
    refuse('endpoints', 'https:// URLs where tls is given', endpoints);
  return { endpoints: urls, credentials: credentials(username, password), tls };
}

function endpoint(text: unknown): URL {
  const url = typeof text === 'string' && URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !/^https?:$/.test(url.protocol)) return refuse('endpoints', AN_ENDPOINT, text);
  // It is shown in log lines.
  if (url.username || url.password)
    refuse('endpoints', 'URLs without a password, which goes into username and password', url.host);
  if (url.pathname !== '/' || url.search) refuse('endpoints', 'URLs of a host and a port only', text);
  return url;
}

function credentials(username: unknown, password: unknown): EtcdSettings['credentials'] {
  if (username === undefined && password === undefined) return undefined;
  if (typeof username !== 'string' || username === '') return refuse('username', 'a text', username);
  // Its value is not for a message.
  if (typeof password !== 'string') return refuse('password', 'a text beside username', typeof password);
  return { name: username, password };
}
