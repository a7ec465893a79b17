import { describe, expect, it } from "vitest";
import type { FoundServer, ServerKind } from "./find-server.ts";
import { install, readOptions, type Tools } from "./install.ts";
import type { Installer } from "./installers.ts";

/** A machine on which some servers can be installed, and of those some do not run. */
function machine(canInstall: readonly ServerKind[], doesNotRun: readonly ServerKind[] = []) {
  const there = new Set<ServerKind>();
  const done: string[] = [];
  const lines: string[] = [];
  const installer = (kind: ServerKind): Installer => ({
    kind,
    name: kind,
    doing: "installing",
    install: async () => {
      done.push(`install ${kind}`);
      if (!canInstall.includes(kind)) return "no way";
      there.add(kind);
      return null;
    },
    remove: () => {
      done.push(`remove ${kind}`);
      there.delete(kind);
    },
  });
  const tools: Tools = {
    find: (only): FoundServer | null => {
      const kind = [...there].find((each) => only === undefined || each === only);
      return kind === undefined ? null : { kind, path: `/bin/${kind}` };
    },
    installers: [installer("mongod"), installer("secantus-rs"), installer("secantus-py")],
    tryOut: async ({ kind }) => (doesNotRun.includes(kind) ? "it does not run here" : null),
    say: (line) => lines.push(line),
  };
  return { tools, there, done, lines };
}

describe("install", () => {
  it("does nothing, and says so, when a server is there", async () => {
    const { tools, there, done, lines } = machine(["mongod"]);
    there.add("secantus-py");
    expect(await install(undefined, tools)).toBe(true);
    expect(done).toEqual([]);
    expect(lines).toEqual(["Nothing to install: there is SecantusDB, Python (/bin/secantus-py)."]);
  });

  it("tries the best first and the next one only when that cannot be had, with the reason", async () => {
    const { tools, there, done, lines } = machine(["secantus-rs", "secantus-py"]);
    expect(await install(undefined, tools)).toBe(true);
    expect(done).toEqual(["install mongod", "install secantus-rs"]);
    expect([...there]).toEqual(["secantus-rs"]);
    expect(lines).toEqual([
      "mongod: installing ...",
      "mongod: not installed: no way",
      "secantus-rs: installing ...",
      "secantus-rs: installed in 0 s",
    ]);
  });

  it("removes what does not run on this machine, and goes on", async () => {
    const { tools, there, done } = machine(["mongod", "secantus-py"], ["mongod"]);
    expect(await install(undefined, tools)).toBe(true);
    expect(done).toEqual(["install mongod", "remove mongod", "install secantus-rs", "install secantus-py"]);
    expect([...there]).toEqual(["secantus-py"]);
  });

  it("fails with a sentence when there is none in the end", async () => {
    const { tools, lines } = machine([]);
    expect(await install(undefined, tools)).toBe(false);
    expect(lines.at(-1)).toMatch(/^No MongoDB server could be installed\. .*MONGODB_URI/);
  });

  it("installs only the one that is asked for, whatever else is there", async () => {
    const { tools, there, done } = machine(["mongod", "secantus-rs", "secantus-py"]);
    there.add("mongod");
    expect(await install("secantus-py", tools)).toBe(true);
    expect(done).toEqual(["install secantus-py"]);
    expect(await install("secantus-py", tools)).toBe(true);
    expect(done).toHaveLength(1);
  });
});

describe("readOptions", () => {
  it("takes --only with a kind, and --help", () => {
    expect(readOptions([])).toEqual({ help: false, only: undefined });
    expect(readOptions(["--only", "secantus-rs"])).toEqual({ help: false, only: "secantus-rs" });
    expect(readOptions(["--help"])).toMatchObject({ help: true });
  });

  it("refuses anything else with a sentence", () => {
    expect(readOptions(["--only", "mysql"])).toMatch(/mongod, secantus-rs, secantus-py, not 'mysql'/);
    expect(readOptions(["--fast"])).toMatch(/--fast/);
  });
});
