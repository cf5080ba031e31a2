import { checkEtcdOptions, type EtcdStoreOptions } from '../../../../lib/stores/etcd/etcd-options.js';
import { etcdStore } from '../../../../lib/stores/etcd/index.js';
import { OutageLog } from '../../../../lib/common/outage-log.js';

const endpoints = 'http://etcd-1:2379';
const logger = { log() {}, warn() {}, error() {}, debug() {} };

describe('the options of etcdStore()', () => {
  it.each<[string, unknown, string]>([
    ['no endpoints', { endpoints: undefined }, 'endpoints must be the URL of a member'],
    ['an empty list', { endpoints: [] }, 'endpoints must be the URL of a member'],
    ['a host without a protocol', { endpoints: 'etcd-1:2379' }, 'endpoints must be the URL of a member'],
    ['another protocol', { endpoints: 'redis://etcd-1' }, 'endpoints must be the URL of a member'],
    ['a path', { endpoints: 'http://etcd-1:2379/v3' }, 'a host and a port only'],
    ['two protocols', { endpoints: [endpoints, 'https://etcd-2:2379'] }, 'either http:// or https:// URLs'],
    ['TLS without https', { endpoints, tls: { ca: 'x' } }, 'https:// URLs where tls is given'],
    ['a TLS that is no object', { endpoints: 'https://etcd-1', tls: true }, 'tls must be an object'],
    ['a user without a password', { endpoints, username: 'locks' }, 'password must be a text'],
    ['a password without a user', { endpoints, password: 'secret' }, 'username must be a text'],
    ['an unknown option', { endpoints, hosts: [] }, 'hosts is not an option of etcdStore()'],
    ['no options', undefined, 'The options of etcdStore() must be an object'],
  ])('refuse %s', (_, options, message) => {
    expect(() => checkEtcdOptions(options as EtcdStoreOptions)).toThrow(
      expect.objectContaining({ code: 'LOCK_CONFIGURATION', message: expect.stringContaining(message) }),
    );
  });

  it('refuse a password in a URL without showing it', () => {
    const withPassword = { endpoints: 'http://locks:secret@etcd-1:2379' };
    expect(() => checkEtcdOptions(withPassword)).toThrow('username and password');
    expect(() => checkEtcdOptions(withPassword)).not.toThrow('secret');
  });

  it('are checked when the store is opened, not where it is configured', async () => {
    const store = etcdStore({ endpoints: '' });
    const context = { prefix: 'shop', logger, outages: new OutageLog(logger), env: {} };
    await expect(store.open(context)).rejects.toMatchObject({ code: 'LOCK_CONFIGURATION' });
  });
});
