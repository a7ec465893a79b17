/** An orchestrator on an in-memory store, for unit tests. */
export interface TestServer extends AsyncDisposable {
  /** For clients and runners. */
  readonly address: string;
  stop(): Promise<void>;
}

/** Starts an orchestrator on an in-memory store and a free port. */
export declare function startTestServer(): Promise<TestServer>;
