#!/usr/bin/env bash
# Subject: @nestjs/core 10.4.22, 11.2.10 and 12.5.1, INestApplicationContext.close()
#
# Expected: a close() that is called during or after another close() waits for the first one or does nothing, like the close()
# of most servers and clients. So the shutdown hooks of a provider run once.
# Seen: each call runs all shutdown hooks again. Two calls at once, such as a SIGTERM that enableShutdownHooks() handles and
# a close() by the application, interleave on 10 and 11: a second onModuleDestroy begins while the first still runs. 12.5.1
# joins calls that overlap, but runs the hooks again for a call that comes after the end. So a hook must be idempotent; on
# 10 and 11 it must also tolerate a second call of itself at the same time.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
interleaved='destroy destroy before before shutdown shutdown destroy before shutdown'
joined='destroy before shutdown destroy before shutdown'
status=0
for version in 10.4.22 11.2.10 12.5.1; do
  mkdir "$folder/$version"
  cd "$folder/$version"
  npm init -y >/dev/null
  npm install --silent --no-audit --no-fund "@nestjs/common@$version" "@nestjs/core@$version" reflect-metadata@0.2.2 rxjs@7.8.2 >/dev/null
  cat >try.mjs <<'JS'
import 'reflect-metadata';
import { Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';

const hooks = [];
class Service {
  onModuleDestroy() {
    hooks.push('destroy');
  }
  beforeApplicationShutdown() {
    hooks.push('before');
  }
  onApplicationShutdown() {
    hooks.push('shutdown');
  }
}
Injectable()(Service);
class AppModule {}
Module({ providers: [Service] })(AppModule);

const app = await NestFactory.createApplicationContext(AppModule, { logger: false });
await Promise.all([app.close(), app.close()]);
await app.close();
console.log(hooks.join(' '));
JS
  seen=$(node try.mjs)
  echo "$version: $seen"
  case "$version" in 12.*) expected=$joined ;; *) expected=$interleaved ;; esac
  [ "$seen" = "$expected" ] || { status=1; echo "expected $expected"; }
done
[ "$status" = 0 ] && echo 'as described' || { echo changed; exit 1; }
