import { accessSync, constants, readdirSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";

/** The programs that can serve, in the order in which they are preferred. */
export const SERVER_KINDS = ["mongod", "secantus-rs", "secantus-py"] as const;

export type ServerKind = (typeof SERVER_KINDS)[number];

/** A program of this machine that can serve. */
export interface Program {
  readonly kind: ServerKind;
  readonly path: string;
}

/** What can serve: a server that already runs somewhere, or a program of this machine. */
export type FoundServer = { readonly kind: "external"; readonly uri: string } | Program;

/** Where to look. */
export interface Places {
  /** Connection string of a server that runs already; it wins over everything else. */
  readonly uri: string | undefined;
  /** Folders of the PATH. */
  readonly path: readonly string[];
  /** The folder that `npm run mongodb:install` fills. */
  readonly installed: string;
  /** Folders in which mongodb-memory-server keeps what it downloaded for any project. */
  readonly caches: readonly string[];
}

/** The top level of the project. */
export const PROJECT = join(import.meta.dirname, "..", "..");

/** The folder that `npm run mongodb:install` fills; git, lint and tests ignore it. */
export const INSTALLED = join(PROJECT, ".mongodb");

/** What to run to get a server; every message about a missing one ends with it. */
export const INSTALL_COMMAND = "npm run mongodb:install";

/** Where to look on this machine, given its environment variables. */
export function usualPlaces(env: NodeJS.ProcessEnv): Places {
  return {
    uri: env.MONGODB_URI || undefined,
    path: (env.PATH ?? "").split(delimiter).filter((folder) => folder !== ""),
    installed: INSTALLED,
    caches: [
      ...(env.MONGOMS_DOWNLOAD_DIR ? [env.MONGOMS_DOWNLOAD_DIR] : []),
      join(PROJECT, "node_modules", ".cache", "mongodb-memory-server"),
      join(homedir(), ".cache", "mongodb-binaries"),
    ],
  };
}

/** The best server that there is, or null. Looks at files only: it starts nothing and fetches nothing. */
export function findMongoServer(places: Places = usualPlaces(process.env)): FoundServer | null {
  return places.uri === undefined ? findProgram(SERVER_KINDS, places) : { kind: "external", uri: places.uri };
}

/** The first of these kinds of which this machine has a program, or null; for those who need a server that they may kill. */
export function findProgram(
  kinds: readonly ServerKind[] = SERVER_KINDS,
  places: Places = usualPlaces(process.env),
): Program | null {
  for (const kind of kinds) {
    const path = FIND[kind](places);
    if (path !== null) return { kind, path };
  }
  return null;
}

const FIND: Readonly<Record<ServerKind, (places: Places) => string | null>> = {
  mongod: (places) => onPath("mongod", places) ?? fetchedMongod([places.installed, ...places.caches]),
  "secantus-rs": (places) =>
    firstProgram([join(places.installed, "bin")], "secantusd-rs") ?? onPath("secantusd-rs", places),
  "secantus-py": (places) =>
    firstProgram([join(pythonEnvironment(places.installed), "bin")], "secantusd-py") ?? onPath("secantusd-py", places),
};

/** The folder of the Python environment that `npm run mongodb:install` makes. */
export function pythonEnvironment(installed: string): string {
  return join(installed, "python");
}

function onPath(program: string, places: Places): string | null {
  return firstProgram(places.path, program);
}

/** Of all that mongodb-memory-server fetched (`mongod-x64-debian-8.2.6`), the newest in the first folder that has any. */
function fetchedMongod(folders: readonly string[]): string | null {
  for (const folder of folders) {
    const programs = namesIn(folder)
      .filter((name) => /^mongod(?:$|-)/.test(name) && isProgram(join(folder, name)))
      .sort((a, b) => b.localeCompare(a, "en", { numeric: true }));
    if (programs[0] !== undefined) return join(folder, programs[0]);
  }
  return null;
}

/** The path of the first program of that name in the folders, or null. */
export function firstProgram(folders: readonly string[], program: string): string | null {
  return folders.map((folder) => join(folder, program)).find(isProgram) ?? null;
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
