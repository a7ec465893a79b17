/**
 * Builds the package that is published, in dist/: JavaScript with types, and a package.json that points to it. In the workspace the package
 * runs from src/, where Node strips the types; what lies in node_modules must be JavaScript.
 */
import { execFileSync } from "node:child_process";
import { copyFileSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

interface Manifest {
  readonly private: boolean;
  readonly scripts: unknown;
  readonly devDependencies: unknown;
  readonly exports: Readonly<Record<string, string>>;
}

rmSync(here("dist"), { recursive: true, force: true });
execFileSync(process.execPath, [here("../../node_modules/typescript/bin/tsc"), "-p", here("tsconfig.build.json")], {
  stdio: "inherit",
});
writeFileSync(here("dist/package.json"), `${JSON.stringify(publishedManifest(), null, 2)}\n`);
copyFileSync(here("README.md"), here("dist/README.md"));

function publishedManifest(): object {
  const manifest = JSON.parse(readFileSync(here("package.json"), "utf8")) as Manifest;
  const { private: _private, scripts: _scripts, devDependencies: _dev, exports: sources, ...rest } = manifest;
  const built = Object.entries(sources).map(([name, source]) => {
    const path = source.replace("./src/", "./").replace(/\.ts$/, "");
    return [name, { types: `${path}.d.ts`, default: `${path}.js` }];
  });
  return { ...rest, exports: Object.fromEntries(built) };
}
