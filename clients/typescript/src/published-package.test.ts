import { execFile, execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startTestServer } from "./testing/index.ts";

const packageFolder = fileURLToPath(new URL("..", import.meta.url));
const workspaceModules = fileURLToPath(new URL("../../../node_modules", import.meta.url));
const run = promisify(execFile);
let project = "";

/** A project of a user: the packed package, copied, with its dependencies. */
beforeAll(() => {
  project = mkdtempSync(join(tmpdir(), "taskgrove-published-"));
  execFileSync(process.execPath, ["build.ts"], { cwd: packageFolder });
  const packed = JSON.parse(
    execFileSync("npm", ["pack", "--json", "--pack-destination", project], {
      cwd: join(packageFolder, "dist"),
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    }),
  );
  const modules = join(project, "node_modules");
  mkdirSync(modules);
  execFileSync("tar", ["-xzf", (Object.values(packed)[0] as { filename: string }).filename], { cwd: project });
  cpSync(join(project, "package"), join(modules, "taskgrove"), { recursive: true });
  for (const name of ["@grpc/grpc-js", "@bufbuild/protobuf", "@standard-schema/spec", "@types/node"])
    link(modules, name);
  writeFileSync(join(project, "package.json"), JSON.stringify({ type: "module" }));
  const example = /```ts\n(.*?)```/s.exec(readFileSync(join(packageFolder, "README.md"), "utf8"))?.[1] ?? "";
  writeFileSync(join(project, "example.ts"), example);
}, 120_000);

afterAll(() => rmSync(project, { recursive: true, force: true }));

function link(modules: string, name: string): void {
  const target = join(modules, name);
  mkdirSync(dirname(target), { recursive: true });
  symlinkSync(join(workspaceModules, name), target);
}

it("runs the example of the README as JavaScript", async () => {
  await using server = await startTestServer();
  const env = { ...process.env, TASKGROVE_ADDRESS: server.address };
  const { stdout } = await run(process.execPath, ["example.ts"], { cwd: project, env });
  expect(stdout).toBe("COMPLETED 6\n");
});

it("has types that a strict project accepts, without skipping library checks", async () => {
  const options = ["--noEmit", "--strict", "--target", "esnext", "--module", "nodenext", "--types", "node"];
  const tsc = join(workspaceModules, "typescript/bin/tsc");
  await expect(run(process.execPath, [tsc, ...options, "example.ts"], { cwd: project })).resolves.toBeDefined();
});
