import { parseOptions } from "../../deploy/runner/options.ts";
import { loadConfig } from "../../services/orchestrator/config.ts";
import { parseDockerfile } from "../container/dockerfile.ts";
import { type ImageConfig, imageConfigOf } from "../container/image.ts";
import type { DeployFiles } from "./files.ts";

/** What is in an image, and what its program makes of the settings that it is given. */
export interface Program {
  readonly image: string;
  readonly dockerfile: string;
  readonly config: ImageConfig;
  readonly start: (env: Readonly<Record<string, string>>, args: readonly string[]) => Started;
}

/** A program as it would run with certain settings. */
export interface Started {
  /** Why it would refuse to start. */
  readonly problems: readonly string[];
  /** A graceful stop takes at most this long. */
  readonly stopsWithinMs: number;
  /** At which it listens. */
  readonly ports: { readonly grpc?: number; readonly http?: number };
}

/** Runner.shutdownGraceMs by default, and the time of the SDK to have everything acknowledged after it. */
const RUNNER_STOPS_WITHIN_MS = 30_000 + 15_000;

/** The programs that the Dockerfiles make images of. */
export function loadPrograms({ dockerfiles }: Pick<DeployFiles, "dockerfiles">): Program[] {
  return [
    program(dockerfiles, "taskgrove-orchestrator", "Dockerfile", startOrchestrator),
    program(dockerfiles, "taskgrove-example-runner", "deploy/runner/Dockerfile", startRunner),
  ];
}

function program(
  dockerfiles: DeployFiles["dockerfiles"],
  image: string,
  dockerfile: string,
  start: Program["start"],
): Program {
  const config = imageConfigOf(parseDockerfile(dockerfiles.get(dockerfile) ?? ""));
  const env = Object.fromEntries(config.env);
  return { image, dockerfile, config, start: (more, args) => start({ ...env, ...more }, args) };
}

function startOrchestrator(env: Readonly<Record<string, string>>, args: readonly string[]): Started {
  const result = loadConfig({ env, args });
  if (result.kind === "help") return { problems: ["shows its help"], stopsWithinMs: 0, ports: {} };
  if (result.kind === "refused") return { problems: result.problems, stopsWithinMs: 0, ports: {} };
  const { grpcPort, httpPort, shutdownTimeoutMs } = result.config;
  return { problems: [], stopsWithinMs: shutdownTimeoutMs, ports: { grpc: grpcPort, http: httpPort } };
}

function startRunner(_env: Readonly<Record<string, string>>, args: readonly string[]): Started {
  const problems: string[] = [];
  try {
    parseOptions(args);
  } catch (error) {
    problems.push(error instanceof Error ? error.message : String(error));
  }
  return { problems, stopsWithinMs: RUNNER_STOPS_WITHIN_MS, ports: {} };
}
