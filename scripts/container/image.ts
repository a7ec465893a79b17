import { type ConfigStep, type Dockerfile, expand, type FileStep, type Step } from "./dockerfile.ts";

/** What an image says besides its files. Paths are those inside of the container. */
export interface ImageConfig {
  readonly env: ReadonlyMap<string, string>;
  readonly workdir: string;
  readonly user: string;
  readonly volumes: readonly string[];
  readonly ports: readonly string[];
  readonly labels: ReadonlyMap<string, string>;
  readonly stopSignal: string;
  readonly entrypoint: readonly string[];
  readonly cmd: readonly string[];
  readonly healthcheck: readonly string[] | undefined;
}

/** A step that makes files, with its variables filled in, and where and with what it is carried out. */
export interface Action {
  readonly step: FileStep;
  readonly workdir: string;
  readonly env: ReadonlyMap<string, string>;
}

/** One stage as a plan: the base, what to do, and what the result says. */
export interface StagePlan {
  readonly name: string | undefined;
  /** A stage before this one, or an image. */
  readonly base: string;
  readonly line: number;
  readonly actions: readonly Action[];
  readonly config: ImageConfig;
}

const EMPTY: ImageConfig = {
  env: new Map(),
  workdir: "/",
  user: "",
  volumes: [],
  ports: [],
  labels: new Map(),
  stopSignal: "SIGTERM",
  entrypoint: [],
  cmd: [],
  healthcheck: undefined,
};

/** Works out what each stage does, without doing it. @throws DockerfileError */
export function planStages({ args, stages }: Dockerfile): StagePlan[] {
  const globals = new Map<string, string>();
  for (const step of args) if (step.kind === "arg") globals.set(step.name, step.initial ?? "");
  const plans: StagePlan[] = [];
  for (const stage of stages) {
    const base = expand(stage.base, globals, stage.line);
    const inherited = plans.find(({ name }) => name !== undefined && name === base)?.config ?? EMPTY;
    plans.push({ name: stage.name, base, line: stage.line, ...planSteps(stage.steps, inherited, globals) });
  }
  return plans;
}

/** What the image of a Dockerfile says: the result of its last stage. @throws DockerfileError */
export function imageConfigOf(dockerfile: Dockerfile): ImageConfig {
  return planStages(dockerfile).at(-1)?.config ?? EMPTY;
}

function planSteps(steps: readonly Step[], inherited: ImageConfig, globals: ReadonlyMap<string, string>) {
  const actions: Action[] = [];
  const args = new Map<string, string>();
  let config = inherited;
  for (const step of steps) {
    const env = new Map([...args, ...config.env]);
    const fill = (text: string) => expand(text, env, step.line);
    switch (step.kind) {
      case "arg":
        args.set(step.name, globals.get(step.name) ?? step.initial ?? "");
        break;
      case "workdir":
        config = { ...config, workdir: resolveIn(config.workdir, fill(step.value)) };
        actions.push({ step, workdir: config.workdir, env });
        break;
      case "copy": {
        const filled = { ...step, sources: step.sources.map(fill), destination: fill(step.destination) };
        actions.push({ step: filled, workdir: config.workdir, env });
        break;
      }
      case "run":
        actions.push({ step, workdir: config.workdir, env });
        break;
      default:
        config = configure(config, step, fill);
    }
  }
  return { actions, config };
}

function configure(config: ImageConfig, step: ConfigStep, fill: (text: string) => string): ImageConfig {
  switch (step.kind) {
    case "env":
      return { ...config, env: new Map([...config.env, ...filledPairs(step.pairs, fill)]) };
    case "label":
      return { ...config, labels: new Map([...config.labels, ...filledPairs(step.pairs, fill)]) };
    case "user":
      return { ...config, user: fill(step.value) };
    case "stopsignal":
      return { ...config, stopSignal: fill(step.value) };
    case "expose":
      return { ...config, ports: [...config.ports, ...step.values.map(fill)] };
    case "volume":
      return { ...config, volumes: [...config.volumes, ...step.values.map(fill)] };
    case "entrypoint":
      return { ...config, entrypoint: step.argv };
    case "cmd":
      return { ...config, cmd: step.argv };
    case "healthcheck":
      return { ...config, healthcheck: step.argv };
  }
}

function filledPairs(pairs: readonly (readonly [string, string])[], fill: (text: string) => string) {
  return pairs.map(([name, value]) => [name, fill(value)] as const);
}

/** An absolute path of the container, from one that may be relative to its working directory. */
export function resolveIn(workdir: string, path: string): string {
  return path.startsWith("/") ? path : `${workdir.replace(/\/$/, "")}/${path}`;
}
