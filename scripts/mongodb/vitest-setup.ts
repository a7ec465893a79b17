import type { TestProject } from "vitest/node";
import { INSTALL_COMMAND } from "./find-server.ts";
import { type StartOptions, startMongoServer } from "./start-server.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** Connection string of the server that all test files of the run share; null when there is none. */
    mongodbUri: string | null;
  }
}

/** Starts the server of a test run, half a second, and stops it at its end. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const shared = await sharedServer(process.env);
  project.provide("mongodbUri", shared.uri);
  return shared.stop;
}

/** The server of a test run: none, with one line about it, when there is none; that throws when the environment has REQUIRE_MONGODB=1. */
export async function sharedServer(
  env: NodeJS.ProcessEnv,
  options: StartOptions = {},
): Promise<{ readonly uri: string | null; stop(): Promise<void> }> {
  const server = await startMongoServer(options);
  if (server.kind !== "none") return server;
  if (env.REQUIRE_MONGODB === "1") {
    throw new Error(`REQUIRE_MONGODB=1, but there is no MongoDB server; run '${INSTALL_COMMAND}'.`);
  }
  const line = `The MongoDB tests are skipped: there is no server; '${INSTALL_COMMAND}' installs one.`;
  (options.log ?? console.error)(line);
  return { uri: null, stop: async () => {} };
}
