import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseDockerignore } from "./dockerignore.ts";

/** What COPY can take from. */
export interface BuildContext {
  readonly folder: string;
  /** Paths relative to the folder. */
  readonly files: readonly string[];
}

/** The files of a checkout that git knows, as they are now, less what .dockerignore leaves out. A file that was never added is not there. */
export function loadBuildContext(folder: string): BuildContext {
  const listed = execFileSync("git", ["ls-files", "-z"], { cwd: folder, encoding: "utf8" });
  const isIgnored = parseDockerignore(readFileSync(join(folder, ".dockerignore"), "utf8"));
  const files = listed.split("\0").filter((path) => path !== "" && !isIgnored(path) && existsSync(join(folder, path)));
  return { folder, files };
}
