import { globSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { describe, expect, it } from "vitest";

/**
 * Which part of the orchestrator may know which: the table of design.md section 6. Paths are relative to this folder; `x/` stands for all
 * below it, anything else for itself and, if it is a package, for what is below it. The first row that fits a file counts. Tests and what is in `testing/` may
 * know everything.
 */
const LAYERS: readonly { readonly of: string; readonly may: readonly string[]; readonly because: string }[] = [
  { of: "domain/", may: ["domain/"], because: "the rules are pure: no I/O, no clock, no library" },
  {
    of: "store/store.ts",
    may: ["domain/"],
    because: "the port knows the records and nothing of who uses or drives it",
  },
  {
    of: "store/codes.ts",
    may: ["domain/"],
    because: "what all drivers write in the same way needs nothing but the records",
  },
  {
    of: "store/change-codec.ts",
    may: ["store/codes.ts", "store/store.ts", "domain/"],
    because: "what all drivers write in the same way needs nothing but the records and the port",
  },
  {
    of: "store/sqlite/",
    may: ["store/sqlite/", "store/store.ts", "store/codes.ts", "store/change-codec.ts", "domain/", "node:"],
    because: "a driver knows the port, the records and its database, never another driver or the engine",
  },
  {
    of: "store/mongodb/",
    may: ["store/mongodb/", "store/store.ts", "store/codes.ts", "store/change-codec.ts", "domain/", "mongodb", "node:"],
    because: "a driver knows the port, the records and its database, never another driver or the engine",
  },
  {
    of: "store/contract/",
    may: ["store/contract/", "store/store.ts", "domain/", "testing/records.ts", "vitest"],
    because: "the contract suite runs unchanged against every driver",
  },
  {
    of: "engine/",
    may: ["engine/", "domain/", "store/store.ts", "node:"],
    because: "the engine knows the rules and the port: no SQL, no protobuf, no gRPC",
  },
  {
    of: "rpc/",
    may: ["rpc/", "gen/", "engine/", "domain/", "store/store.ts", "@grpc/", "grpc-health-check", "node:"],
    because: "the edge knows the wire and the engine, never a driver",
  },
  {
    of: "telemetry/",
    may: ["telemetry/", "engine/observer.ts", "engine/settings.ts", "domain/", "prom-client", "pino", "node:"],
    because: "metrics and logs listen to the engine, which does not know them",
  },
  {
    of: "config",
    may: ["config", "domain/limits.ts", "engine/settings.ts", "telemetry/logger.ts", "node:"],
    because: "configuration is a pure function of its sources",
  },
  {
    of: "",
    may: ["start.ts", "config.ts", "engine/", "store/", "rpc/", "telemetry/", "domain/", "node:"],
    because: "main.ts and start.ts wire, and know nothing of the wire format",
  },
];

const HERE = import.meta.dirname;
const FILES = globSync("**/*.ts", { cwd: HERE, exclude: ["**/node_modules", "gen", "testing"] }).filter(
  (file) => !file.endsWith(".test.ts"),
);
const IMPORT = /\b(?:from\s+|import\s+|import\()"([^"]+)"/g;

/** What a file imports, relative to this folder. */
function importsOf(file: string): string[] {
  const text = readFileSync(join(HERE, file), "utf8");
  return [...text.matchAll(IMPORT)].map(([, target = ""]) =>
    target.startsWith(".") ? relative(HERE, join(HERE, dirname(file), target)) : target,
  );
}

describe("layers", () => {
  it("cover files in every layer", () => {
    const empty = LAYERS.filter(({ of }) => !FILES.some((file) => file.startsWith(of)));
    expect(empty).toEqual([]);
  });

  it.each(FILES)("%s imports only what its layer may know", (file) => {
    const layer = LAYERS.find(({ of }) => file.startsWith(of));
    const refused = importsOf(file).filter((target) => !layer?.may.some((allowed) => target.startsWith(allowed)));
    expect(refused, layer?.because).toEqual([]);
  });

  it("finds an import that is not allowed", () => {
    expect(importsOf("start.ts")).toContain("store/sqlite/index.ts");
    expect(LAYERS[0]?.may.some((allowed) => "store/sqlite/index.ts".startsWith(allowed))).toBe(false);
  });
});
