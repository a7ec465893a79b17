import { execFileSync } from "node:child_process";
import { chownSync, cpSync, existsSync, globSync, lchownSync, linkSync, mkdirSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { BuildContext } from "./build-context.ts";
import { type CopyStep, type Dockerfile, DockerfileError, type RunStep } from "./dockerfile.ts";
import { type Action, type ImageConfig, planStages, resolveIn, type StagePlan } from "./image.ts";

/** An image as a folder: its `/` is `root`. */
export interface BuiltImage {
  readonly root: string;
  readonly config: ImageConfig;
}

/** Where steps are carried out. */
interface Site {
  readonly context: BuildContext;
  /** Folders of the stages built so far, by name. */
  readonly stages: ReadonlyMap<string, string>;
  /** The `/` of the stage. */
  readonly root: string;
}

const NODE_IMAGE = /^node:(\d+\.\d+\.\d+)-slim$/;
const NODE_IN_IMAGE = "usr/local/bin";

/**
 * Carries the steps of a Dockerfile out in a folder, each stage in a subfolder of its own that is its `/`. The running Node stands for the one of the base image, so
 * their versions must be equal.
 *
 * @throws DockerfileError when a step cannot be carried out.
 */
export function buildImage(dockerfile: Dockerfile, context: BuildContext, folder: string): BuiltImage {
  const stages = new Map<string, string>();
  let built: BuiltImage | undefined;
  for (const [index, plan] of planStages(dockerfile).entries()) {
    const root = join(folder, `stage-${index}`);
    mkdirSync(root, { recursive: true });
    layBase(plan, stages, root);
    for (const action of plan.actions) carryOut(action, { context, stages, root });
    if (plan.name !== undefined) stages.set(plan.name, root);
    built = { root, config: plan.config };
  }
  if (built === undefined) throw new DockerfileError(1, "there is no stage");
  return built;
}

function layBase({ base, line }: StagePlan, stages: ReadonlyMap<string, string>, root: string): void {
  const earlier = stages.get(base);
  if (earlier !== undefined) {
    cpSync(earlier, root, { recursive: true, verbatimSymlinks: true });
    return;
  }
  const version = NODE_IMAGE.exec(base)?.[1];
  if (version === undefined) throw new DockerfileError(line, `${base} is neither node:VERSION-slim nor a stage above`);
  if (`v${version}` !== process.version) {
    throw new DockerfileError(line, `${base} is not the Node of package.json, ${process.version}`);
  }
  mkdirSync(join(root, NODE_IN_IMAGE), { recursive: true });
  const node = join(root, NODE_IN_IMAGE, "node");
  try {
    linkSync(process.execPath, node);
  } catch {
    cpSync(process.execPath, node); // on another disk
  }
}

function carryOut({ step, workdir, env }: Action, site: Site): void {
  const folder = join(site.root, workdir);
  if (step.kind === "workdir") mkdirSync(folder, { recursive: true });
  else if (step.kind === "copy") copy(step, workdir, site);
  else run(step, folder, env, site);
}

/** Only the tools of this machine are borrowed; the Node that they run on is the one of the image. */
function run({ command, line }: RunStep, folder: string, env: ReadonlyMap<string, string>, { root }: Site): void {
  const PATH = `${join(root, NODE_IN_IMAGE)}:${process.env.PATH}`;
  try {
    execFileSync("/bin/sh", ["-c", command], {
      cwd: folder,
      env: { ...outerEnvironment(), ...Object.fromEntries(env), PATH },
      stdio: ["ignore", "pipe", "pipe"],
      encoding: "utf8",
    });
  } catch (error) {
    const { stdout, stderr } = error as { stdout?: string; stderr?: string };
    throw new DockerfileError(line, `RUN ${command} failed:\n${stdout ?? ""}${stderr ?? ""}`);
  }
}

/** What a package client may need to reach its registry; nothing of a surrounding npm script. */
function outerEnvironment(): NodeJS.ProcessEnv {
  const names = Object.keys(process.env).filter(
    (name) => !/^(npm_(lifecycle|package|command|execpath|node)|INIT_CWD|NODE_ENV|NODE_OPTIONS|TASKGROVE_)/i.test(name),
  );
  return Object.fromEntries(names.map((name) => [name, process.env[name]]));
}

function copy(step: CopyStep, workdir: string, site: Site): void {
  const destination = join(site.root, resolveIn(workdir, step.destination));
  const isIntoFolder = step.destination.endsWith("/") || step.sources.length > 1;
  for (const source of step.sources) {
    const isFile = isFileIn(source, step, site);
    const target =
      isFile && (isIntoFolder || isFolder(destination)) ? join(destination, basename(source)) : destination;
    if (step.from === undefined) copyFromContext(source, target, site.context);
    else copyFromStage(source, target, step, site);
  }
  if (step.chown !== undefined) changeOwner(destination, step.chown, step.line);
}

/** Whether a source is one file and not a folder. @throws DockerfileError when it is neither. */
function isFileIn(source: string, { from, line }: CopyStep, { context, stages }: Site): boolean {
  if (from === undefined) {
    const path = source.replace(/\/$/, "");
    if (context.files.includes(path)) return true;
    if (context.files.some((file) => file.startsWith(`${path}/`))) return false;
    throw new DockerfileError(
      line,
      `${source} is not in the build context; is it known to git, and does .dockerignore let it in?`,
    );
  }
  const root = stages.get(from);
  if (root === undefined) throw new DockerfileError(line, `there is no stage ${from} above`);
  if (!source.startsWith("/"))
    throw new DockerfileError(line, `${source} must be absolute, since it is in another stage`);
  const path = join(root, source);
  if (!existsSync(path)) throw new DockerfileError(line, `${source} is not in the stage ${from}`);
  return !isFolder(path);
}

function copyFromContext(source: string, target: string, { folder, files }: BuildContext): void {
  const path = source.replace(/\/$/, "");
  for (const file of files) {
    if (file !== path && !file.startsWith(`${path}/`)) continue;
    const to = join(target, file.slice(path.length));
    mkdirSync(dirname(to), { recursive: true });
    cpSync(join(folder, file), to, { verbatimSymlinks: true });
  }
}

function copyFromStage(source: string, target: string, { from }: CopyStep, { stages }: Site): void {
  mkdirSync(dirname(target), { recursive: true });
  cpSync(join(stages.get(from ?? "") ?? "", source), target, { recursive: true, verbatimSymlinks: true });
}

/** Only root may; whoever else runs this owns everything. */
function changeOwner(path: string, owner: string, line: number): void {
  const match = /^(\d+):(\d+)$/.exec(owner);
  if (!match) throw new DockerfileError(line, `--chown=${owner} must be USER:GROUP as numbers`);
  if (process.getuid?.() !== 0) return;
  const [user, group] = [Number(match[1]), Number(match[2])];
  for (const file of globSync("**", { cwd: path })) lchownSync(join(path, file), user, group);
  chownSync(path, user, group);
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
