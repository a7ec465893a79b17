/** One instruction of a stage, as it is written. */
export type Step = ArgStep | FileStep | ConfigStep;

export interface ArgStep {
  readonly kind: "arg";
  readonly name: string;
  readonly initial: string | undefined;
  readonly line: number;
}

/** Makes files. */
export type FileStep = CopyStep | RunStep | WorkdirStep;

/** From the build context, or from another stage. */
export interface CopyStep {
  readonly kind: "copy";
  readonly from: string | undefined;
  readonly chown: string | undefined;
  readonly sources: readonly string[];
  readonly destination: string;
  readonly line: number;
}

export interface RunStep {
  readonly kind: "run";
  readonly command: string;
  readonly line: number;
}

export interface WorkdirStep {
  readonly kind: "workdir";
  readonly value: string;
  readonly line: number;
}

/** Says how the image is run. */
export type ConfigStep =
  | { readonly kind: "env" | "label"; readonly pairs: readonly (readonly [string, string])[]; readonly line: number }
  | { readonly kind: "user" | "stopsignal"; readonly value: string; readonly line: number }
  | { readonly kind: "expose" | "volume"; readonly values: readonly string[]; readonly line: number }
  | { readonly kind: "entrypoint" | "cmd" | "healthcheck"; readonly argv: readonly string[]; readonly line: number };

/** What begins with FROM. */
export interface Stage {
  readonly base: string;
  readonly name: string | undefined;
  readonly steps: readonly Step[];
  readonly line: number;
}

/** A Dockerfile: what stands before the first stage, and the stages; the last one is the image. */
export interface Dockerfile {
  readonly args: readonly Step[];
  readonly stages: readonly Stage[];
}

/** What is wrong with a Dockerfile or with carrying it out, as a sentence for people. */
export class DockerfileError extends Error {
  constructor(line: number, problem: string) {
    super(`line ${line}: ${problem}`);
    this.name = "DockerfileError";
  }
}

interface Instruction {
  readonly keyword: string;
  readonly rest: string;
  readonly line: number;
}

/**
 * Parses the part of the language that this project uses, and refuses the rest rather than pass over it.
 *
 * @throws DockerfileError naming the line.
 */
export function parseDockerfile(text: string): Dockerfile {
  const args: Step[] = [];
  const stages: { base: string; name: string | undefined; steps: Step[]; line: number }[] = [];
  for (const instruction of readInstructions(text)) {
    if (instruction.keyword === "FROM") stages.push({ ...parseFrom(instruction), steps: [] });
    else addStep(stages.at(-1)?.steps ?? args, parseStep(instruction), stages.length > 0);
  }
  if (stages.length === 0) throw new DockerfileError(1, "there is no FROM");
  return { args, stages };
}

/** Fills `$NAME` and `${NAME}` in. @throws DockerfileError for a variable without a value, and for other forms. */
export function expand(text: string, variables: ReadonlyMap<string, string>, line: number): string {
  return text.replace(/\$(?:\{([^}]*)\}|(\w+)|)/g, (form, braced: string | undefined, plain: string | undefined) => {
    const value = variables.get(braced ?? plain ?? "");
    if (value === undefined) throw new DockerfileError(line, `${form} has no value here`);
    return value;
  });
}

function addStep(steps: Step[], step: Step, isInStage: boolean): void {
  if (!isInStage && step.kind !== "arg")
    throw new DockerfileError(step.line, "only ARG may stand before the first FROM");
  steps.push(step);
}

/** The instructions, with continued lines joined and comments left out. */
function* readInstructions(text: string): Generator<Instruction> {
  let begun: { text: string; line: number } | undefined;
  for (const [index, raw] of text.split("\n").entries()) {
    if (raw.trim() === "" || raw.trimStart().startsWith("#")) continue;
    const isContinued = /\\\s*$/.test(raw);
    const part = raw.replace(/\\\s*$/, "").trim();
    begun = begun ? { ...begun, text: `${begun.text} ${part}` } : { text: part, line: index + 1 };
    if (isContinued) continue;
    yield toInstruction(begun.text, begun.line);
    begun = undefined;
  }
  if (begun) throw new DockerfileError(begun.line, "the file ends in the middle of an instruction");
}

function toInstruction(text: string, line: number): Instruction {
  const match = /^(\S+)\s+(.+)$/s.exec(text);
  if (!match) throw new DockerfileError(line, `${JSON.stringify(text)} is no instruction`);
  return { keyword: (match[1] ?? "").toUpperCase(), rest: match[2] ?? "", line };
}

function parseFrom({ rest, line }: Instruction): { base: string; name: string | undefined; line: number } {
  const match = /^(\S+)(?:\s+AS\s+(\S+))?$/i.exec(rest);
  if (!match || rest.startsWith("--")) throw new DockerfileError(line, `FROM ${rest} is not understood`);
  return { base: match[1] ?? "", name: match[2], line };
}

function parseStep(instruction: Instruction): Step {
  const { keyword, rest, line } = instruction;
  switch (keyword) {
    case "ARG":
      return parseArg(rest, line);
    case "ENV":
      return { kind: "env", pairs: parsePairs(rest, line), line };
    case "LABEL":
      return { kind: "label", pairs: parsePairs(rest, line), line };
    case "WORKDIR":
      return { kind: "workdir", value: rest, line };
    case "USER":
      return { kind: "user", value: rest, line };
    case "STOPSIGNAL":
      return { kind: "stopsignal", value: rest, line };
    case "EXPOSE":
      return { kind: "expose", values: parseWords(rest, line), line };
    case "VOLUME":
      return { kind: "volume", values: parseWords(rest, line), line };
    case "COPY":
      return parseCopy(rest, line);
    case "RUN":
      return parseRun(rest, line);
    case "ENTRYPOINT":
      return { kind: "entrypoint", argv: parseArgv(rest, line), line };
    case "CMD":
      return { kind: "cmd", argv: parseArgv(rest, line), line };
    case "HEALTHCHECK":
      return parseHealthcheck(rest, line);
    default:
      throw new DockerfileError(line, `the instruction ${keyword} is not known to this script`);
  }
}

function parseArg(rest: string, line: number): Step {
  const match = /^(\w+)(?:=(\S*))?$/.exec(rest);
  if (!match) throw new DockerfileError(line, `ARG ${rest} is not understood`);
  return { kind: "arg", name: match[1] ?? "", initial: match[2], line };
}

function parsePairs(rest: string, line: number): (readonly [string, string])[] {
  const pairs: (readonly [string, string])[] = [];
  const pair = /\s*([\w.-]+)=(?:"([^"\\]*)"|([^\s"'\\]*))(?=\s|$)/y;
  while (pair.lastIndex < rest.trimEnd().length) {
    const at = pair.lastIndex;
    const match = pair.exec(rest);
    if (!match) throw new DockerfileError(line, `${JSON.stringify(rest.slice(at))} is not of the form NAME=value`);
    pairs.push([match[1] ?? "", match[2] ?? match[3] ?? ""]);
  }
  return pairs;
}

function parseWords(rest: string, line: number): string[] {
  if (/["'[\]\\]/.test(rest)) throw new DockerfileError(line, "only plain words are understood here");
  return rest.split(/\s+/);
}

function parseCopy(rest: string, line: number): Step {
  const words = parseWords(rest, line);
  const flags = new Map<string, string>();
  while (words[0]?.startsWith("--")) {
    const match = /^--(from|chown)=(.+)$/.exec(words.shift() ?? "");
    if (!match) throw new DockerfileError(line, "COPY is understood with --from= and --chown= only");
    flags.set(match[1] ?? "", match[2] ?? "");
  }
  const destination = words.pop();
  if (destination === undefined || words.length === 0)
    throw new DockerfileError(line, "COPY needs a source and a destination");
  if (words.some((word) => /[*?]/.test(word))) throw new DockerfileError(line, "COPY with wildcards is not understood");
  return { kind: "copy", from: flags.get("from"), chown: flags.get("chown"), sources: words, destination, line };
}

function parseRun(rest: string, line: number): Step {
  if (/^(--|\[)|<</.test(rest)) throw new DockerfileError(line, "RUN is understood as one plain shell command only");
  if (/(^|[\s"'=:(])\//.test(rest)) throw new DockerfileError(line, "RUN may name only paths relative to WORKDIR");
  return { kind: "run", command: rest, line };
}

function parseHealthcheck(rest: string, line: number): Step {
  const match = /^((?:--[a-z-]+=\w+\s+)*)CMD\s+(.+)$/s.exec(rest);
  if (!match) throw new DockerfileError(line, `HEALTHCHECK ${rest} is not understood`);
  return { kind: "healthcheck", argv: parseArgv(match[2] ?? "", line), line };
}

/** Only the exec form: a shell as process 1 would keep signals from the program. */
function parseArgv(rest: string, line: number): string[] {
  const value = readJson(rest);
  if (!Array.isArray(value) || value.length === 0 || !value.every((word) => typeof word === "string")) {
    throw new DockerfileError(line, 'a command must be in its exec form, ["program", "argument"]');
  }
  return value;
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
