import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { findProgram, SERVER_KINDS, type ServerKind } from "./find-server.ts";
import { installersInto, missingPrograms } from "./installers.ts";

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "taskgrove-test-"));
});

afterEach(() => rmSync(folder, { recursive: true }));

describe("installersInto", () => {
  const PROGRAMS: Readonly<Record<ServerKind, string>> = {
    mongod: "mongod-x64-debian-8.2.6",
    "secantus-rs": "bin/secantusd-rs",
    "secantus-py": "python/bin/secantusd-py",
  };

  it("has one for each kind, in the order in which servers are preferred", () => {
    expect(installersInto(folder, join(folder, "install.log")).map(({ kind }) => kind)).toEqual(SERVER_KINDS);
  });

  it.each(SERVER_KINDS)("removes %s so that it is not found any more", (kind) => {
    const program = join(folder, PROGRAMS[kind]);
    mkdirSync(join(program, ".."), { recursive: true });
    writeFileSync(program, "", { mode: 0o755 });
    const places = { uri: undefined, path: [], installed: folder, caches: [] };
    expect(findProgram([kind], places)).toEqual({ kind, path: program });
    installersInto(folder, join(folder, "install.log"))
      .find((installer) => installer.kind === kind)
      ?.remove();
    expect(findProgram([kind], places)).toBeNull();
  });
});

describe("missingPrograms", () => {
  it("names what is not on the PATH, and nothing of which one of several names is", () => {
    expect(missingPrograms([["sh"], ["no-such-compiler", "sh"]])).toEqual([]);
    expect(missingPrograms([["no-such-program"], ["sh"], ["no-such-compiler", "no-such-other"]])).toEqual([
      "no-such-program",
      "no-such-compiler",
    ]);
  });
});
