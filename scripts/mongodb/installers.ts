import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { findProgram, firstProgram, pythonEnvironment, type ServerKind, usualPlaces } from "./find-server.ts";
import type { Progress } from "./progress.ts";
import { runLogged } from "./run-logged.ts";

/** One way to bring a server into the folder of the project. */
export interface Installer {
  readonly kind: ServerKind;
  /** What it brings, for people. */
  readonly name: string;
  /** What it does and how long that takes, for people. */
  readonly doing: string;
  /** Null when the server is there now, or one line that says why not. Leaves nothing half-made that would be found. */
  install(progress: Progress): Promise<string | null>;
  /** Takes away what was installed: it turned out not to run on this machine. */
  remove(): void;
}

/** Versions that the project was tried with. */
const SECANTUS_RS = "0.5.3-beta.196";
const SECANTUS_PY = "0.7.0b3";

const MINUTE_MS = 60_000;

/** All ways, the best server first. Everything goes into `installed`, with a log of all output in `log`. */
export function installersInto(installed: string, log: string): Installer[] {
  mkdirSync(installed, { recursive: true });
  return [mongodInstaller(installed, log), rustInstaller(installed, log), pythonInstaller(installed, log)];
}

function mongodInstaller(installed: string, log: string): Installer {
  return {
    kind: "mongod",
    name: "mongod",
    doing: "downloading it (about 100 MB)",
    install: async (progress) => {
      let last = "";
      const failed = await runLogged({
        program: process.execPath,
        args: [join(import.meta.dirname, "fetch-mongod.ts"), installed],
        log,
        limitMs: 30 * MINUTE_MS,
        silenceMs: MINUTE_MS,
        onLine: (line) => {
          last = line.trim();
          progress.show(last);
        },
      });
      return failed && (last || failed);
    },
    remove: () => {
      const program = findProgram(["mongod"], { ...usualPlaces({}), installed, caches: [] });
      if (program !== null) rmSync(program.path);
    },
  };
}

function rustInstaller(installed: string, log: string): Installer {
  const build = join(installed, "build");
  return {
    kind: "secantus-rs",
    name: "SecantusDB (Rust)",
    doing: "building it (about seven minutes on two cores)",
    install: async (progress) => {
      const missing = missingPrograms([["cargo"], ["cmake"], ["cc", "gcc", "clang"]]);
      if (missing.length > 0) return `it needs ${missing.join(", ")} on the PATH`;
      const failed = await runLogged({
        program: "cargo",
        args: [
          ...["install", "secantus-mdb", "--version", SECANTUS_RS, "--locked", "--ignore-rust-version"],
          ...["--root", installed],
        ],
        // In our folder and kept until it succeeds, so that a build which was interrupted goes on where it was.
        env: { CARGO_TARGET_DIR: build, CARGO_TERM_COLOR: "never" },
        log,
        limitMs: 60 * MINUTE_MS,
        onLine: compilingShownBy(progress),
      });
      if (failed === null) rmSync(build, { recursive: true, force: true });
      return failed && `cargo install failed (${failed}); its output is in ${log}`;
    },
    remove: () => rmSync(join(installed, "bin", "secantusd-rs"), { force: true }),
  };
}

/** Shows the crate that cargo compiles, and how many there were so far. */
function compilingShownBy(progress: Progress): (line: string) => void {
  let crates = 0;
  return (line) => {
    const [, step, what = ""] = /^\s*(Compiling|Downloaded|Updating) (\S+)/.exec(line) ?? [];
    if (step === "Compiling") progress.show(`compiling ${what} (crate ${++crates})`);
    else if (step !== undefined) progress.show(`${step.toLowerCase()} ${what}`);
  };
}

function pythonInstaller(installed: string, log: string): Installer {
  const environment = pythonEnvironment(installed);
  const remove = () => rmSync(environment, { recursive: true, force: true });
  return {
    kind: "secantus-py",
    name: "SecantusDB (Python)",
    doing: "installing it from PyPI (a few seconds)",
    install: async (progress) => {
      if (missingPrograms([["python3"]]).length > 0) return "it needs python3 on the PATH";
      remove(); // What an interrupted attempt left.
      const onLine = (line: string) => progress.show(line.trim());
      const limits = { log, limitMs: 10 * MINUTE_MS, onLine };
      const failed =
        (await runLogged({ program: "python3", args: ["-m", "venv", environment], ...limits })) ??
        (await runLogged({
          program: join(environment, "bin", "python"),
          args: ["-m", "pip", "install", "--disable-pip-version-check", `SecantusDB==${SECANTUS_PY}`],
          ...limits,
        }));
      if (failed !== null) remove();
      return failed && `python3 -m venv or its pip failed (${failed}); the output is in ${log}`;
    },
    remove,
  };
}

/** Of each group one must be on the PATH; the first names of the groups of which none is. */
export function missingPrograms(groups: readonly (readonly [string, ...string[]])[]): string[] {
  const { path } = usualPlaces(process.env);
  const isThere = (program: string) => firstProgram(path, program) !== null;
  return groups.filter((group) => !group.some(isThere)).map(([first]) => NAMES[first] ?? first);
}

const NAMES: Readonly<Record<string, string>> = { cc: "a C compiler (cc)" };
