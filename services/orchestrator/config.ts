import {
  bytes,
  count,
  databaseName,
  duration,
  filePath,
  formatDuration,
  mongoUri,
  oneOf,
  port,
  text,
  type ValueType,
} from "./config-values.ts";
import { DEFAULT_LIMITS, type Limits } from "./domain/limits.ts";
import { DEFAULT_SETTINGS, type EngineSettings } from "./engine/settings.ts";
import { LOG_LEVELS, type LogLevel } from "./telemetry/logger.ts";

/** Everything that an orchestrator can be told. Times are milliseconds. */
export interface Config {
  readonly grpcHost: string;
  readonly grpcPort: number;
  readonly httpHost: string;
  readonly httpPort: number;
  readonly store: StoreConfig;
  readonly settings: EngineSettings;
  readonly limits: Limits;
  readonly logLevel: LogLevel;
  /** A graceful stop never takes longer. */
  readonly shutdownTimeoutMs: number;
}

/** Where jobs are kept. */
export type StoreConfig = SqliteConfig | MongoConfig;

/** The embedded store, for one orchestrator. */
export interface SqliteConfig {
  readonly kind: "sqlite";
  /** null: a store that vanishes with the process. */
  readonly file: string | null;
  /** `full`: a commit survives a power cut. `normal`: it survives a crash of the process. */
  readonly synchronous: "full" | "normal";
}

/** A database that any number of orchestrators share. */
export interface MongoConfig {
  readonly kind: "mongodb";
  /** May hold a password: never to be logged. */
  readonly uri: string;
  readonly database: string;
}

/** What came of reading the configuration. */
export type ConfigResult =
  | { readonly kind: "config"; readonly config: Config }
  | { readonly kind: "help"; readonly text: string }
  | { readonly kind: "refused"; readonly problems: readonly string[] };

interface Option<T> {
  readonly type: ValueType<T>;
  /** null: set by a rule, which the help text says. */
  readonly initial: T | null;
  readonly help: string;
}

const MAX_COUNT = 1_000_000_000;
const MAX_BYTES = 2 ** 31 - 1;

function option<T>(type: ValueType<T>, initial: T | null, help: string): Option<T> {
  return { type, initial, help };
}

/** All options by flag. The environment variable of `--lease-duration` is TASKGROVE_LEASE_DURATION. */
const OPTIONS = {
  "grpc-host": option(text, "127.0.0.1", "address to serve gRPC on; 0.0.0.0 or :: for all"),
  "grpc-port": option(port, 4150, "port to serve gRPC on; 0 picks a free one"),
  "http-host": option(text, "127.0.0.1", "address to serve metrics and health on"),
  "http-port": option(port, 4151, "port to serve metrics and health on; 0 picks a free one"),
  store: option(oneOf("sqlite", "mongodb"), "sqlite", "where jobs are kept"),
  "sqlite-file": option(filePath, ".taskgrove/taskgrove.db", "database file; its folders are made"),
  "sqlite-synchronous": option(oneOf("full", "normal"), "full", "normal is faster and may lose seconds at a power cut"),
  "mongodb-uri": option(mongoUri, null, "connection string of a replica set; with --store mongodb"),
  "mongodb-database": option(databaseName, "taskgrove", "database, of which Taskgrove is the only user"),
  "lease-duration": option(
    duration(100),
    DEFAULT_SETTINGS.leaseDurationMs,
    "a runner that is silent for this long loses its tasks",
  ),
  "heartbeat-interval": option(
    duration(10),
    null,
    "how often runners say that they are alive; by default a third of the lease",
  ),
  "ping-interval": option(duration(10), DEFAULT_SETTINGS.pingIntervalMs, "how often an idle stream is pinged"),
  retention: option(duration(0), DEFAULT_SETTINGS.retentionMs, "jobs that ended longer ago are deleted; 0: never"),
  "slice-size": option(count(1, 100_000), DEFAULT_SETTINGS.sliceSize, "rows that background work touches in one batch"),
  "max-batch": option(count(1, 100_000), DEFAULT_SETTINGS.maxBatch, "commands that one commit takes"),
  "max-crashes": option(count(1, MAX_COUNT), DEFAULT_SETTINGS.maxCrashes, "lost runners that fail a task"),
  patience: option(
    duration(10),
    DEFAULT_SETTINGS.patienceMs,
    "callers are told UNAVAILABLE when the store has not answered for this long",
  ),
  "log-level": option(oneOf(...LOG_LEVELS), "info", "least that is logged"),
  "shutdown-timeout": option(duration(0), 10_000, "a graceful stop never takes longer"),
  "max-message-bytes": option(bytes(64 * 1024, MAX_BYTES), DEFAULT_LIMITS.maxMessageBytes, "largest message"),
  "max-input-bytes": option(bytes(0, MAX_BYTES), DEFAULT_LIMITS.maxInputBytes, "largest input of a task"),
  "max-subtasks-per-frame": limit("maxSubtasksPerFrame", "most tasks in one message"),
  "max-name-length": limit("maxNameLength", "longest name of a job, a task or a runner"),
  "max-display-length": limit("maxDisplayLength", "longest display of a task"),
  "max-retries": limit("maxRetries", "most retries that a task may ask for"),
  "max-progress-labels": limit("maxProgressLabels", "most progress labels of a task"),
  "max-progress-label-length": limit("maxProgressLabelLength", "longest progress label"),
  "max-idempotency-key-length": limit("maxIdempotencyKeyLength", "longest idempotency key"),
  "max-error-length": limit("maxErrorLength", "errors are cut to this length"),
  "max-credits": limit("maxCredits", "most credits of a runner"),
  "max-identifiers": limit("maxIdentifiers", "most task identifiers of a runner"),
  "max-cache-key-length": limit("maxCacheKeyLength", "longest key in the job cache"),
  "max-cache-value-bytes": option(
    bytes(0, Number.MAX_SAFE_INTEGER),
    DEFAULT_LIMITS.maxCacheValueBytes,
    "largest value in the job cache",
  ),
} satisfies Record<string, Option<string> | Option<number>>;

type Flag = keyof typeof OPTIONS;
type Values = { readonly [F in Flag]: (typeof OPTIONS)[F] extends Option<infer T> ? T | null : never };

const FLAGS = Object.keys(OPTIONS) as Flag[];
const ENV_PREFIX = "TASKGROVE_";
/** Variables of the clients, which may be set where an orchestrator runs. */
const CLIENT_VARIABLES = ["TASKGROVE_ADDRESS", "TASKGROVE_CLUSTER", "TASKGROVE_TLS", "TASKGROVE_CA"];
/** What a message needs besides one input of the largest size. */
const MESSAGE_OVERHEAD_BYTES = 16 * 1024;

/**
 * Reads the configuration from environment and flags; flags win. Pure: it looks at nothing but its arguments. All problems are
 * found at once, and each is a sentence for people.
 */
export function loadConfig(source: {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly args: readonly string[];
}): ConfigResult {
  if (source.args.includes("--help") || source.args.includes("-h")) return { kind: "help", text: helpText() };
  const problems: string[] = [];
  const raw = new Map([...readEnv(source.env, problems), ...readArgs(source.args, problems)]);
  const values = Object.fromEntries(FLAGS.map((flag) => [flag, parseValue(flag, raw.get(flag), problems)])) as Values;
  const config = toConfig(values);
  problems.push(...brokenRules(values, config));
  return problems.length === 0 ? { kind: "config", config } : { kind: "refused", problems };
}

/** The defaults, with some of them replaced; for those who start an orchestrator from code. */
export function defaultConfig(overrides: Partial<Config> = {}): Config {
  const initial = Object.fromEntries(FLAGS.map((flag) => [flag, OPTIONS[flag].initial])) as Values;
  return { ...toConfig(initial), ...overrides };
}

/** Where jobs are kept, for people and logs: without the password that may be in a connection string. */
export function describeStore(store: StoreConfig): string {
  if (store.kind === "sqlite") return store.file ?? "in memory; it vanishes with this process";
  const [, hosts = ""] = /^mongodb(?:\+srv)?:\/\/(?:[^@/]*@)?([^/?]*)/.exec(store.uri) ?? [];
  return `MongoDB at ${hosts}, database ${store.database}`;
}

interface RawValue {
  readonly text: string;
  /** How the user named it. */
  readonly name: string;
}

function readEnv(env: Readonly<Record<string, string | undefined>>, problems: string[]): Map<Flag, RawValue> {
  const found = new Map<Flag, RawValue>();
  const byVariable = new Map(FLAGS.map((flag) => [variableOf(flag), flag]));
  for (const [name, value] of Object.entries(env)) {
    if (value === undefined || !name.startsWith(ENV_PREFIX) || CLIENT_VARIABLES.includes(name)) continue;
    const flag = byVariable.get(name);
    if (flag === undefined) problems.push(`${name} is not a known variable${suggestion(name, byVariable.keys())}`);
    else found.set(flag, { text: value, name });
  }
  return found;
}

function readArgs(args: readonly string[], problems: string[]): Map<Flag, RawValue> {
  const found = new Map<Flag, RawValue>();
  const rest = [...args];
  for (let arg = rest.shift(); arg !== undefined; arg = rest.shift()) {
    const match = /^--([^=]+)(?:=(.*))?$/s.exec(arg);
    if (match === null) {
      problems.push(`${JSON.stringify(arg)} is not a flag`);
      continue;
    }
    const flag = match[1] as Flag;
    if (!FLAGS.includes(flag)) {
      problems.push(`--${flag} is not a known flag${suggestion(flag, FLAGS, "--")}`);
      if (match[2] === undefined && rest[0]?.startsWith("--") === false) rest.shift();
      continue;
    }
    const value = match[2] ?? rest.shift();
    if (value === undefined) problems.push(`--${flag} needs a value`);
    else if (found.has(flag)) problems.push(`--${flag} is given twice`);
    else found.set(flag, { text: value, name: `--${flag}` });
  }
  return found;
}

function parseValue(flag: Flag, raw: RawValue | undefined, problems: string[]): string | number | null {
  const { type, initial } = OPTIONS[flag];
  if (raw === undefined) return initial;
  const value = type.parse(raw.text);
  if (value !== undefined) return value;
  problems.push(`${raw.name} is ${JSON.stringify(raw.text)}; it must be ${type.expected}`);
  return initial;
}

function toConfig(values: Values): Config {
  // What has no default of its own is looked at where it is used.
  const v = values as { readonly [F in Flag]: NonNullable<Values[F]> };
  const leaseDurationMs = v["lease-duration"];
  return {
    grpcHost: v["grpc-host"],
    grpcPort: v["grpc-port"],
    httpHost: v["http-host"],
    httpPort: v["http-port"],
    store:
      v.store === "mongodb"
        ? { kind: "mongodb", uri: values["mongodb-uri"] ?? "", database: v["mongodb-database"] }
        : { kind: "sqlite", file: v["sqlite-file"], synchronous: v["sqlite-synchronous"] },
    settings: {
      leaseDurationMs,
      heartbeatIntervalMs: values["heartbeat-interval"] ?? Math.floor(leaseDurationMs / 3),
      pingIntervalMs: v["ping-interval"],
      retentionMs: v.retention,
      sliceSize: v["slice-size"],
      maxBatch: v["max-batch"],
      maxCrashes: v["max-crashes"],
      patienceMs: v.patience,
    },
    limits: {
      maxInputBytes: v["max-input-bytes"],
      maxNameLength: v["max-name-length"],
      maxDisplayLength: v["max-display-length"],
      maxMessageBytes: v["max-message-bytes"],
      maxSubtasksPerFrame: v["max-subtasks-per-frame"],
      maxRetries: v["max-retries"],
      maxProgressLabels: v["max-progress-labels"],
      maxProgressLabelLength: v["max-progress-label-length"],
      maxIdempotencyKeyLength: v["max-idempotency-key-length"],
      maxErrorLength: v["max-error-length"],
      maxCredits: v["max-credits"],
      maxIdentifiers: v["max-identifiers"],
      maxCacheKeyLength: v["max-cache-key-length"],
      maxCacheValueBytes: v["max-cache-value-bytes"],
    },
    logLevel: v["log-level"],
    shutdownTimeoutMs: v["shutdown-timeout"],
  };
}

/** Rules between fields. */
function brokenRules(values: Values, { settings, limits, ...config }: Config): string[] {
  const problems: string[] = [];
  if (values.store === "mongodb" && values["mongodb-uri"] === null) {
    problems.push("--store mongodb needs --mongodb-uri, the connection string of a replica set");
  }
  if (values.store === "sqlite" && values["mongodb-uri"] !== null) {
    problems.push("--mongodb-uri is given, but --store is sqlite; jobs would not be where you expect them");
  }
  if (settings.heartbeatIntervalMs >= settings.leaseDurationMs / 2) {
    problems.push(
      `--heartbeat-interval (${formatDuration(settings.heartbeatIntervalMs)}) must be shorter than half of ` +
        `--lease-duration (${formatDuration(settings.leaseDurationMs)}), so that one lost heartbeat loses no lease`,
    );
  }
  if (limits.maxInputBytes + MESSAGE_OVERHEAD_BYTES > limits.maxMessageBytes) {
    problems.push(
      `--max-message-bytes (${limits.maxMessageBytes}) must be at least ${MESSAGE_OVERHEAD_BYTES} more than ` +
        `--max-input-bytes (${limits.maxInputBytes})`,
    );
  }
  if (config.grpcPort !== 0 && config.grpcPort === config.httpPort && config.grpcHost === config.httpHost) {
    problems.push(`--grpc-port and --http-port are both ${config.grpcPort}`);
  }
  return problems;
}

function helpText(): string {
  const rows = FLAGS.map((flag) => {
    const { type, initial, help } = OPTIONS[flag] as Option<string | number>;
    const shown = initial === null ? "" : ` [${type.format(initial)}]`;
    return { left: `  --${flag} ${type.placeholder}`, right: `${help}${shown}` };
  });
  const width = Math.max(...rows.map((row) => row.left.length)) + 2;
  return [
    "Starts a Taskgrove orchestrator.",
    "",
    "Each flag can also be given in the environment: --lease-duration is TASKGROVE_LEASE_DURATION. Flags win.",
    "",
    ...rows.map((row) => row.left.padEnd(width) + row.right),
    `${"  --help".padEnd(width)}shows this`,
    "",
  ].join("\n");
}

function limit(key: keyof Limits, help: string): Option<number> {
  return option(count(1, MAX_COUNT), DEFAULT_LIMITS[key], help);
}

function variableOf(flag: Flag): string {
  return ENV_PREFIX + flag.toUpperCase().replaceAll("-", "_");
}

function suggestion(name: string, known: Iterable<string>, prefix = ""): string {
  let best = "";
  let bestDistance = Math.max(2, Math.floor(name.length / 4)) + 1;
  for (const candidate of known) {
    const distance = editDistance(name, candidate);
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best === "" ? "" : `; did you mean ${prefix}${best}?`;
}

/** How many characters to insert, delete or replace to come from one text to the other. */
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let i = 1; i <= from.length; i++) {
    const next = [i];
    for (let j = 1; j <= to.length; j++) {
      const replaced = (row[j - 1] ?? 0) + Number(from[i - 1] !== to[j - 1]);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[to.length] ?? 0;
}
