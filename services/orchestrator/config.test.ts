import { describe, expect, it } from "vitest";
import { type Config, type ConfigResult, defaultConfig, describeStore, loadConfig } from "./config.ts";

const load = (args: string[], env: Record<string, string> = {}): ConfigResult => loadConfig({ env, args });

function configOf(result: ConfigResult): Config {
  if (result.kind !== "config") throw new Error(JSON.stringify(result));
  return result.config;
}

function problemsOf(result: ConfigResult): readonly string[] {
  if (result.kind !== "refused") throw new Error(JSON.stringify(result));
  return result.problems;
}

describe("loadConfig", () => {
  it("gives the defaults when nothing is set", () => {
    const config = configOf(load([]));
    expect(config).toEqual(defaultConfig());
    expect(config).toMatchObject({
      grpcHost: "127.0.0.1",
      grpcPort: 4150,
      httpPort: 4151,
      store: { kind: "sqlite", file: ".taskgrove/taskgrove.db", synchronous: "full" },
      settings: { leaseDurationMs: 30_000, heartbeatIntervalMs: 10_000, retentionMs: 7 * 86_400_000 },
      limits: { maxInputBytes: 65_536 },
    });
  });

  it("lets flags win over the environment, in both forms", () => {
    const env = { TASKGROVE_GRPC_PORT: "5000", TASKGROVE_LEASE_DURATION: "2m", TASKGROVE_MAX_INPUT_BYTES: "1MiB" };
    const config = configOf(load(["--grpc-port=6000", "--http-port", "0"], env));
    expect(config.grpcPort).toBe(6000);
    expect(config.httpPort).toBe(0);
    expect(config.settings.leaseDurationMs).toBe(120_000);
    expect(config.limits.maxInputBytes).toBe(1024 * 1024);
  });

  it("refuses SQLite's names for what is no file", () => {
    for (const name of [":memory:", "file:x?mode=memory"]) {
      expect(problemsOf(load(["--sqlite-file", name]))).toEqual([expect.stringMatching(/sqlite-file.*path of a file/)]);
    }
  });

  it("derives the heartbeat interval from the lease", () => {
    expect(configOf(load(["--lease-duration", "9s"])).settings.heartbeatIntervalMs).toBe(3_000);
    expect(configOf(load(["--lease-duration", "9s", "--heartbeat-interval", "500ms"])).settings).toMatchObject({
      heartbeatIntervalMs: 500,
    });
  });

  it.each([
    ["0", 0],
    ["1500ms", 1_500],
    ["1.5s", 1_500],
    ["2m", 120_000],
    ["3h", 10_800_000],
    ["7d", 604_800_000],
  ])("reads %s as a duration", (text, ms) => {
    expect(configOf(load(["--retention", text])).settings.retentionMs).toBe(ms);
  });

  it("lists all problems at once", () => {
    const problems = problemsOf(
      load(["--grpc-port", "http", "--lease-duration=30", "--sqlite-synchronous", "off", "--colour", "red", "stray"], {
        TASKGROVE_GRPC_HSOT: "0.0.0.0",
        TASKGROVE_MAX_BATCH: "0",
        TASKGROVE_ADDRESS: "somewhere:4150",
        TASKGROVE_TLS: "true",
        TASKGROVE_CA: "ca.pem",
        HOME: "/nowhere",
      }),
    );
    expect(problems).toEqual([
      "TASKGROVE_GRPC_HSOT is not a known variable; did you mean TASKGROVE_GRPC_HOST?",
      "--colour is not a known flag",
      '"stray" is not a flag',
      '--grpc-port is "http"; it must be a port from 0 to 65535',
      '--sqlite-synchronous is "off"; it must be one of full, normal',
      '--lease-duration is "30"; it must be a duration such as 500ms, 30s, 2m or 7d, at least 100ms',
      'TASKGROVE_MAX_BATCH is "0"; it must be a whole number from 1 to 100000',
    ]);
  });

  it("suggests the flag that was meant", () => {
    expect(problemsOf(load(["--lease-durations=30s"]))).toEqual([
      "--lease-durations is not a known flag; did you mean --lease-duration?",
    ]);
  });

  it("refuses a flag without a value and a flag that is given twice", () => {
    expect(problemsOf(load(["--retention", "1d", "--retention", "2d", "--grpc-port"]))).toEqual([
      "--retention is given twice",
      "--grpc-port needs a value",
    ]);
  });

  it("checks the rules between fields", () => {
    expect(problemsOf(load(["--lease-duration", "10s", "--heartbeat-interval", "5s"]))).toEqual([
      "--heartbeat-interval (5s) must be shorter than half of --lease-duration (10s), so that one lost heartbeat loses no lease",
    ]);
    expect(problemsOf(load(["--max-input-bytes", "16MiB"]))).toEqual([
      "--max-message-bytes (16777216) must be at least 16384 more than --max-input-bytes (16777216)",
    ]);
    expect(problemsOf(load(["--grpc-port", "7000", "--http-port", "7000"]))).toEqual([
      "--grpc-port and --http-port are both 7000",
    ]);
  });

  it("takes a connection string with the store that it is for, and only with that", () => {
    const uri = "mongodb://user:secret@one.example:27017,two.example/?replicaSet=rs0";
    const result = load(["--store", "mongodb", "--mongodb-uri", uri]);
    if (result.kind !== "config") throw new Error("refused");
    expect(result.config.store).toEqual({ kind: "mongodb", uri, database: "taskgrove" });
    expect(describeStore(result.config.store)).toBe("MongoDB at one.example:27017,two.example, database taskgrove");
    expect(problemsOf(load(["--store", "mongodb"]))).toEqual([
      "--store mongodb needs --mongodb-uri, the connection string of a replica set",
    ]);
    expect(problemsOf(load(["--mongodb-uri", uri]))).toEqual([
      "--mongodb-uri is given, but --store is sqlite; jobs would not be where you expect them",
    ]);
    expect(problemsOf(load(["--store", "mongodb", "--mongodb-uri", "localhost", "--mongodb-database", "a.b"]))).toEqual(
      [
        '--mongodb-uri is "localhost"; it must be a connection string that begins with mongodb:// or mongodb+srv://',
        '--mongodb-database is "a.b"; it must be a name of up to 63 letters, digits, _ and -',
        "--store mongodb needs --mongodb-uri, the connection string of a replica set",
      ],
    );
  });

  it("shows every flag with its default in the help", () => {
    const result = load(["--grpc-port", "nonsense", "--help"]);
    if (result.kind !== "help") throw new Error("no help");
    expect(result.text).toContain("--lease-duration DURATION");
    expect(result.text).toContain("loses its tasks [30s]");
    expect(result.text).toContain("largest input of a task [64KiB]");
    for (const line of result.text.split("\n")) expect(line.length).toBeLessThan(130);
  });
});
