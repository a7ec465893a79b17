import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { loadBuildContext } from "./build-context.ts";
import { buildImage } from "./build-image.ts";
import { parseDockerfile } from "./dockerfile.ts";

const BASE = `node:${process.version.slice(1)}-slim`;
let folder = "";

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "taskgrove-build-"));
  const checkout = {
    "checkout/.dockerignore": "*\n!src\nsrc/secret",
    "checkout/src/main.ts": "main",
    "checkout/src/lib/lib.ts": "lib",
    "checkout/src/secret": "secret",
    "checkout/src/never-added.ts": "",
    "checkout/other": "",
  };
  for (const [path, text] of Object.entries(checkout)) write(path, text);
  execFileSync("git", ["init", "--quiet"], { cwd: join(folder, "checkout") });
  execFileSync("git", ["add", ".dockerignore", "src/main.ts", "src/lib", "src/secret", "other"], {
    cwd: join(folder, "checkout"),
  });
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

function write(path: string, text: string): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), text);
}

function build(text: string): (path: string) => string {
  const context = loadBuildContext(join(folder, "checkout"));
  const { root } = buildImage(parseDockerfile(text), context, join(folder, "image"));
  return (path) => readFileSync(join(root, path), "utf8");
}

it("carries out the steps of all stages", () => {
  const read = build(
    `FROM ${BASE} AS build
WORKDIR /app
COPY src/main.ts src/lib ./
COPY src/main.ts renamed.ts
ENV WHO=world
RUN echo "hello $WHO" > made && node --version > version
FROM build AS more
RUN echo more >> made
FROM ${BASE}
WORKDIR /srv
COPY --from=more /app app
COPY --from=more /app/made app/copied/
COPY src /src`,
  );
  expect(read("srv/app/main.ts")).toBe("main");
  expect(read("srv/app/lib.ts")).toBe("lib");
  expect(read("srv/app/renamed.ts")).toBe("main");
  expect(read("srv/app/copied/made")).toBe("hello world\nmore\n");
  expect(read("srv/app/version")).toBe(`${process.version}\n`);
  expect(read("src/lib/lib.ts")).toBe("lib");
  expect(() => read("src/secret")).toThrow("ENOENT");
  expect(() => read("src/never-added.ts")).toThrow("ENOENT");
});

it("knows which files would be there, had they been added to git", () => {
  expect(loadBuildContext(join(folder, "checkout")).neverAdded).toEqual(["src/never-added.ts"]);
});

it.each([
  ["COPY src/absent.ts ./", "line 2: src/absent.ts is not in the build context"],
  ["COPY src/never-added.ts ./", "line 2: src/never-added.ts is not in the build context"],
  ["COPY src/secret ./", "line 2: src/secret is not in the build context"],
  ["COPY other ./", "line 2: other is not in the build context"],
  ["COPY --from=nowhere /a b", "line 2: there is no stage nowhere above"],
  ["RUN echo why >&2 && exit 3", "line 2: RUN echo why >&2 && exit 3 failed:\nwhy"],
  ["FROM node:22.0.0-slim", "line 2: node:22.0.0-slim is not the Node of package.json"],
  ["FROM debian:12-slim", "line 2: debian:12-slim is neither node:VERSION-slim nor a stage above"],
])("stops at %s", (line, problem) => {
  expect(() => build(`FROM ${BASE}\n${line}\n`)).toThrow(problem);
});
