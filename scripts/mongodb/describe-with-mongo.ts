import { describe, inject } from "vitest";
import { findProgram, INSTALL_COMMAND } from "./find-server.ts";
import { type MongoServer, type StartOptions, startMongoServer } from "./start-server.ts";
import type {} from "./vitest-setup.ts";

/** Refused at once by whatever machine: skipped tests are collected, which may make a client, but never run. */
const NOWHERE = "mongodb://127.0.0.1:1/";

/** Connection string of the server that all test files of a run share, or null. Take a `freshDatabaseName()` on it and drop it afterwards. */
export function mongoForTests(): string | null {
  return inject("mongodbUri");
}

/** A `describe` of tests that need a MongoDB server; `define` gets its connection string. They are skipped when there is none. */
export function describeWithMongo(name: string, define: (uri: string) => void): void {
  const uri = mongoForTests();
  describeUnlessMissing(uri === null, name, () => define(uri ?? NOWHERE));
}

/**
 * A `describe` of tests that need servers of their own, to kill them; `define` gets what starts one, with the options that it wants. They
 * are skipped when this machine has no program for it.
 */
export function describeWithOwnMongo(name: string, define: (start: StartOwn) => void): void {
  const server = findProgram();
  describeUnlessMissing(server === null, name, () => {
    define(async (options) => {
      const started = await startMongoServer({ server, log: () => {}, ...options });
      if (started.kind === "none") throw new Error(started.message);
      return started;
    });
  });
}

/** Starts a server for one test; the test stops it: `await using server = await start()`. */
export type StartOwn = (options?: StartOptions) => Promise<MongoServer>;

function describeUnlessMissing(isMissing: boolean, name: string, define: () => void): void {
  describe.skipIf(isMissing)(isMissing ? `${name} (needs '${INSTALL_COMMAND}')` : name, define);
}
