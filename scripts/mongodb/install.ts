import { join } from "node:path";
import { parseArgs } from "node:util";
import {
  type FoundServer,
  findMongoServer,
  findProgram,
  INSTALLED,
  type Program,
  SERVER_KINDS,
  type ServerKind,
} from "./find-server.ts";
import { type Installer, installersInto } from "./installers.ts";
import { elapsed, Progress } from "./progress.ts";
import { describe, startMongoServer } from "./start-server.ts";

const HELP = `Usage: npm run mongodb:install [-- --only <${SERVER_KINDS.join("|")}>]

Brings a MongoDB server for tests, benchmark and demo into the folder .mongodb of the project: a real mongod where it can be
downloaded, else SecantusDB in Rust, which is built with cargo (about seven minutes; needs cargo, cmake and a C compiler), else
SecantusDB in Python from PyPI. Does nothing when a server is there already.

  --only <kind>  install this one or nothing; does nothing when this one is there already
  --help         show this text
`;

/** What the installer depends on. */
export interface Tools {
  /** What is there already; of this kind, if one is given. */
  find(only: ServerKind | undefined): FoundServer | null;
  readonly installers: readonly Installer[];
  /** Starts a server that was just installed and stops it; null, or why that did not work. */
  tryOut(program: Program): Promise<string | null>;
  /** Gets each line for the user. */
  say(line: string): void;
}

/** Installs the first server that can be had, unless there is one. False when there is none in the end. */
export async function install(only: ServerKind | undefined, tools: Tools): Promise<boolean> {
  const there = tools.find(only);
  if (there !== null) {
    tools.say(`Nothing to install: there is ${describe(there)}.`);
    return true;
  }
  for (const installer of tools.installers.filter(({ kind }) => only === undefined || kind === only)) {
    const startedAt = Date.now();
    tools.say(`${installer.name}: ${installer.doing} ...`);
    const failed = (await installWithProgress(installer)) ?? (await tryOut(installer, tools));
    if (failed === null) {
      tools.say(`${installer.name}: installed in ${elapsed(Date.now() - startedAt)}`);
      return true;
    }
    tools.say(`${installer.name}: not installed: ${failed}`);
  }
  tools.say(
    `No MongoDB server could be installed. Set MONGODB_URI, put a mongod on the PATH, or mend one of the reasons above.`,
  );
  return false;
}

async function installWithProgress(installer: Installer): Promise<string | null> {
  const progress = new Progress(process.stderr, installer.name);
  const ticks = setInterval(() => progress.refresh(), 1_000);
  try {
    return await installer.install(progress);
  } finally {
    clearInterval(ticks);
    progress.clear();
  }
}

/** Removes again what does not run on this machine: it would be found, and nothing else be tried. */
async function tryOut(installer: Installer, tools: Tools): Promise<string | null> {
  const program = tools.find(installer.kind);
  if (program === null || program.kind === "external") return "the program is not where it should be";
  const failed = await tools.tryOut(program);
  if (failed !== null) installer.remove();
  return failed;
}

async function startOnce(server: Program): Promise<string | null> {
  try {
    const started = await startMongoServer({ server, log: () => {} });
    if (started.kind !== "none") await started.stop();
    return started.kind === "none" ? started.message : null;
  } catch (error) {
    return `it does not run here: ${error instanceof Error ? error.message : error}`;
  }
}

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2));
  if (typeof options === "string") {
    console.error(`${options}\n\n${HELP}`);
    process.exitCode = 2;
  } else if (options.help) {
    console.log(HELP);
  } else {
    const isThere = await install(options.only, {
      find: (only) => (only === undefined ? findMongoServer() : findProgram([only])),
      installers: installersInto(INSTALLED, join(INSTALLED, "install.log")),
      tryOut: startOnce,
      say: console.error,
    });
    process.exitCode = isThere ? 0 : 1;
  }
}

/** The options of the command line, or a sentence that says what is wrong with them. */
export function readOptions(args: readonly string[]): { help: boolean; only: ServerKind | undefined } | string {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: { help: { type: "boolean", default: false }, only: { type: "string" } },
    });
    const only = SERVER_KINDS.find((kind) => kind === values.only);
    if (values.only !== only) return `--only is one of ${SERVER_KINDS.join(", ")}, not '${values.only}'`;
    return { help: values.help, only };
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

if (import.meta.main) await main();
