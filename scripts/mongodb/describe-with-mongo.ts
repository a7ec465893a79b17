import { describe, inject } from "vitest";
import { INSTALL_COMMAND } from "./find-server.ts";
import type {} from "./vitest-setup.ts";

/** Refused at once by whatever machine: skipped tests are collected, which may make a client, but never run. */
const NOWHERE = "mongodb://127.0.0.1:1/";

/** Connection string of the server that all test files of a run share, or null. Take a `freshDatabaseName()` on it and drop it afterwards. */
export function mongoForTests(): string | null {
  return inject("mongodbUri");
}

/** A `describe` of tests that need a MongoDB server, which `define` gets the connection string of. They are skipped when there is none. */
export function describeWithMongo(name: string, define: (uri: string) => void): void {
  const uri = mongoForTests();
  if (uri !== null) describe(name, () => define(uri));
  else describe.skipIf(true)(`${name} (needs '${INSTALL_COMMAND}')`, () => define(NOWHERE));
}
