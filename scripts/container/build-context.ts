import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseDockerignore } from "./dockerignore.ts";

/** What COPY can take from. Paths are relative to the folder. */
export interface BuildContext {
  readonly folder: string;
  readonly files: readonly string[];
  /** Would be among the files, had they been added to git. */
  readonly neverAdded: readonly string[];
}

/** The files of a checkout that git knows, as they are now, less what .dockerignore leaves out. */
export function loadBuildContext(folder: string): BuildContext {
  const isIgnored = parseDockerignore(readFileSync(join(folder, ".dockerignore"), "utf8"));
  const list = (...options: string[]) =>
    execFileSync("git", ["ls-files", "-z", ...options], { cwd: folder, encoding: "utf8" })
      .split("\0")
      .filter((path) => path !== "" && !isIgnored(path) && existsSync(join(folder, path)));
  return { folder, files: list(), neverAdded: list("--others", "--exclude-standard") };
}
