#!/usr/bin/env bash
# Subject: nest-commander 3.21.0 with @nestjs/schedule 6.1.3 on @nestjs/core 11.2.10
#
# Expected: a command-line program that imports the root module of an application, to use its services, runs its command and
# nothing else. Its context has no HTTP server and no microservice, so one does not expect it to do other work of the server.
# Seen: the context runs the bootstrap hooks, in which @nestjs/schedule starts every job of the application. While the command
# works, the program also runs the cron jobs, in addition to the servers or, with a lock, instead of them. Nothing is logged.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund nest-commander@3.21.0 @nestjs/common@11.2.10 @nestjs/core@11.2.10 \
  @nestjs/schedule@6.1.3 reflect-metadata@0.2.2 rxjs@7.8.2 >/dev/null

cat >try.cjs <<'JS'
require('reflect-metadata');
const { Injectable, Module } = require('@nestjs/common');
const { Cron, ScheduleModule } = require('@nestjs/schedule');
const { Command, CommandFactory, CommandRunner } = require('nest-commander');

let ticks = 0;
class Jobs {
  everySecond() {
    ticks++;
  }
}
Injectable()(Jobs);
const method = Object.getOwnPropertyDescriptor(Jobs.prototype, 'everySecond');
Cron('* * * * * *')(Jobs.prototype, 'everySecond', method);

class Import extends CommandRunner {
  async run() {
    await new Promise((resolve) => setTimeout(resolve, 3500));
    console.log(ticks >= 2 ? 'the command ran cron jobs' : 'the command ran alone');
  }
}
Command({ name: 'import' })(Import);

class AppModule {}
Module({ imports: [ScheduleModule.forRoot()], providers: [Jobs, Import] })(AppModule);
CommandFactory.run(AppModule).then(() => process.exit());
JS

seen=$(node try.cjs import)
echo "$seen"
[ "$seen" = 'the command ran cron jobs' ] && echo 'as described' || { echo 'changed'; exit 1; }
