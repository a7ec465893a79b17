#!/usr/bin/env node
// Installs the dependencies when they are missing or older than the lock file, so that the commands of the README work on a fresh
// clone. Plain JavaScript for whatever Node the machine has: the pinned one is among the things that are installed here.
// Scripts run it in parentheses: a shell remembers where it has found "node", and would run what follows with the machine's own.
import { spawnSync } from "node:child_process";
import { existsSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const installed = join(root, "node_modules", ".package-lock.json");

function isUpToDate() {
  return existsSync(installed) && statSync(installed).mtimeMs >= statSync(join(root, "package-lock.json")).mtimeMs;
}

if (!isUpToDate()) {
  console.error("Installing dependencies (once; about a minute) ...");
  const npm = process.platform === "win32" ? "npm.cmd" : "npm";
  const { status, error } = spawnSync(npm, ["ci", "--no-audit", "--no-fund"], { cwd: root, stdio: ["ignore", 2, 2] });
  if (error !== undefined) console.error(`npm could not be started: ${error.message}`);
  if (status !== 0) process.exit(status ?? 1);
}
