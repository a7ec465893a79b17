import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { findMongoServer, INSTALLED, type Places, usualPlaces } from "./find-server.ts";

let folder: string;
let places: Places;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "taskgrove-test-"));
  places = {
    uri: undefined,
    path: [join(folder, "empty"), join(folder, "path")],
    installed: join(folder, "installed"),
    caches: [join(folder, "cache")],
  };
});

afterEach(() => rmSync(folder, { recursive: true }));

/** Makes a file below the test's folder; executable unless told. */
function file(path: string, mode = 0o755): string {
  const full = join(folder, path);
  mkdirSync(dirname(full), { recursive: true });
  writeFileSync(full, "");
  chmodSync(full, mode);
  return full;
}

describe("findMongoServer", () => {
  it("finds nothing where there is nothing", () => {
    expect(findMongoServer(places)).toBeNull();
  });

  it("prefers, in this order: the external one, mongod, SecantusDB in Rust, SecantusDB in Python", () => {
    const python = file("path/secantusd-py");
    expect(findMongoServer(places)).toEqual({ kind: "secantus-py", path: python });
    const rust = file("path/secantusd-rs");
    expect(findMongoServer(places)).toEqual({ kind: "secantus-rs", path: rust });
    const cached = file("cache/mongod-x64-debian-8.2.6");
    expect(findMongoServer(places)).toEqual({ kind: "mongod", path: cached });
    const fetched = file("installed/mongod-x64-debian-8.2.6");
    expect(findMongoServer(places)).toEqual({ kind: "mongod", path: fetched });
    const mongod = file("path/mongod");
    expect(findMongoServer(places)).toEqual({ kind: "mongod", path: mongod });
    const uri = "mongodb://db.example/";
    expect(findMongoServer({ ...places, uri })).toEqual({ kind: "external", uri });
  });

  it("prefers what was installed for this project to what is on the PATH, of the same kind", () => {
    file("path/secantusd-py");
    const python = file("installed/python/bin/secantusd-py");
    expect(findMongoServer(places)).toEqual({ kind: "secantus-py", path: python });
    file("path/secantusd-rs");
    const rust = file("installed/bin/secantusd-rs");
    expect(findMongoServer(places)).toEqual({ kind: "secantus-rs", path: rust });
  });

  it("takes the newest mongod of those fetched, and no file beside it", () => {
    file("cache/mongod-x64-debian-8.2.6");
    const newest = file("cache/mongod-x64-debian-8.10.1");
    file("cache/mongod-x64-debian-8.10.1.md5", 0o644);
    file("cache/mongodb-linux-x86_64-debian-9.0.0.tgz", 0o644);
    expect(findMongoServer(places)).toEqual({ kind: "mongod", path: newest });
  });

  it("passes over what is no program", () => {
    file("path/mongod", 0o644);
    mkdirSync(join(folder, "installed/bin/secantusd-rs"), { recursive: true });
    expect(findMongoServer(places)).toBeNull();
  });
});

describe("usualPlaces", () => {
  it("are the folder of the installer, those of the environment, and those of mongodb-memory-server", () => {
    const path = ["/one", "/two"];
    const env = { PATH: path.join(delimiter), MONGODB_URI: "mongodb://db.example/", MONGOMS_DOWNLOAD_DIR: "/mongods" };
    const { caches, ...rest } = usualPlaces(env);
    expect(rest).toEqual({ uri: "mongodb://db.example/", path, installed: INSTALLED });
    expect(caches).toContain("/mongods");
  });

  it("have no external server when its variable is empty", () => {
    expect(usualPlaces({ MONGODB_URI: "" }).uri).toBeUndefined();
  });
});
