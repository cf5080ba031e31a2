#!/usr/bin/env bash
# Subject: @nestjs/core 10.4.22, 11.2.10 and 12.5.1, INestApplicationContext.close()
#
# Expected: close() that is called while or after another close() waits for that one, or does nothing, as the close() of
# most servers and clients; so a provider's shutdown hooks run once.
# Seen: each call runs all shutdown hooks again. Two at once, say a SIGTERM that enableShutdownHooks() handles and a close()
# of the application's own, run them interleaved on 10 and 11: a second onModuleDestroy begins while the first is under way.
# 12.5.1 joins calls that overlap, and still runs the hooks anew for a call that comes after the end. So a hook must be
# idempotent, on 10 and 11 also against itself.
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
