import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** The texts of all that is deployed, so that a test can change one of them. */
export interface DeployFiles {
  readonly compose: string;
  readonly alerts: string;
  /** docs/operations.md, which says what each metric is. */
  readonly operations: string;
  /** Of deploy/kubernetes, by file name. */
  readonly kubernetes: ReadonlyMap<string, string>;
  /** By path. */
  readonly dockerfiles: ReadonlyMap<string, string>;
  /** Of package.json. */
  readonly version: string;
}

const PROJECT = join(import.meta.dirname, "../..");
const DOCKERFILES = ["Dockerfile", "deploy/runner/Dockerfile"];

/** Reads them from the checkout. */
export function loadDeployFiles(): DeployFiles {
  const load = (path: string) => readFileSync(join(PROJECT, path), "utf8");
  const manifests = readdirSync(join(PROJECT, "deploy/kubernetes")).filter((name) => name.endsWith(".yaml"));
  return {
    compose: load("compose.yaml"),
    alerts: load("deploy/prometheus/alerts.yaml"),
    operations: load("docs/operations.md"),
    kubernetes: new Map(manifests.map((name) => [name, load(`deploy/kubernetes/${name}`)])),
    dockerfiles: new Map(DOCKERFILES.map((path) => [path, load(path)])),
    version: (JSON.parse(load("package.json")) as { version: string }).version,
  };
}
