/** An orchestrator inside the process of a unit test. Needs the package `@taskgrove/orchestrator` beside this one. */

/** An orchestrator on an in-memory store and a free port; stopped by `await using`, too. */
export interface TestServer extends AsyncDisposable {
  /** For clients and runners: `host:port`. */
  readonly address: string;
  /** Stops it; all that it knew is gone. */
  stop(): Promise<void>;
}

/** How a test server behaves. */
export interface TestServerOptions {
  /** After this long without a heartbeat a runner's tasks go to another one, in milliseconds. Default 30,000. */
  readonly leaseDurationMs?: number;
}

interface Settings {
  readonly leaseDurationMs: number;
  readonly heartbeatIntervalMs: number;
}

/** What is used of the orchestrator; written down so that the published types do not depend on its package. */
interface OrchestratorPackage {
  defaultConfig(overrides?: object): { readonly settings: Settings };
  startOrchestrator(config: object): Promise<{ readonly grpcAddress: string; stop(): Promise<void> }>;
}

const orchestratorPackage: string = "@taskgrove/orchestrator";

/** Starts the real orchestrator for a unit test, silent, on an in-memory store. */
export async function startTestServer(options: TestServerOptions = {}): Promise<TestServer> {
  const { defaultConfig, startOrchestrator } = (await import(orchestratorPackage)) as OrchestratorPackage;
  const { settings } = defaultConfig();
  const { leaseDurationMs = settings.leaseDurationMs } = options;
  const config = defaultConfig({
    grpcPort: 0,
    httpPort: 0,
    store: { kind: "sqlite", file: null, synchronous: "normal" },
    logLevel: "silent",
    shutdownTimeoutMs: 2_000,
    settings: { ...settings, leaseDurationMs, heartbeatIntervalMs: Math.floor(leaseDurationMs / 3) },
  });
  const orchestrator = await startOrchestrator(config);
  const stop = () => orchestrator.stop();
  return { address: orchestrator.grpcAddress, stop, [Symbol.asyncDispose]: stop };
}
