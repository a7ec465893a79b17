import { fileURLToPath } from "node:url";
import { Client } from "taskgrove";
import { describe, expect, it } from "vitest";
import type { CliIo } from "./io.ts";
import { runCli } from "./run.ts";

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

// Nothing listens on the port that is reserved for discarding.
const nowhere = { TASKGROVE_ADDRESS: "127.0.0.1:9" };

function run(...args: string[]): Promise<Ran> {
  return runWith(nowhere, ...args);
}

async function runWith(env: Readonly<Record<string, string>>, ...args: string[]): Promise<Ran> {
  let out = "";
  let err = "";
  const io: CliIo = {
    stdout: { write: (text) => (out += text) },
    stderr: { write: (text) => (err += text) },
    stdin: (async function* () {})(),
    env,
    clock: Date.now,
    connect: (options) => new Client(options),
    onInterrupt: () => () => {},
  };
  const code = await runCli(args, io);
  return { code, out, err };
}

describe("help", () => {
  it("is a success and tells the exit codes", async () => {
    const { code, out, err } = await run("--help");
    expect(code).toBe(0);
    expect(err).toBe("");
    for (const part of ["dev", "server", "job", "cluster", "runner", "Exit codes:", "  4    no orchestrator answers"]) {
      expect(out).toContain(part);
    }
  });

  it.each([["job", "submit"], ["job", "list"], ["job", "tree"], ["job", "watch"], ["cluster"], ["dev"]])(
    "of %s %s has examples",
    async (...command) => {
      const { code, out } = await run(...command.filter((part) => part !== undefined), "--help");
      expect(code).toBe(0);
      expect(out).toContain("Examples:\n  taskgrove ");
    },
  );

  it("of the server is the orchestrator's own", async () => {
    const { code, out } = await run("server", "--help");
    expect(code).toBe(0);
    expect(out).toContain("--lease-duration");
  });
});

describe("a command line that is not valid", () => {
  it.each([
    [[], "Usage: taskgrove"],
    [["bogus"], "unknown command 'bogus'"],
    [["job", "submit", "x"], "--task <name@version>' not specified"],
    [["job", "submit", "x", "--task", "A@1"], "such as example.com/MyTask@v1.0"],
    [["job", "submit", "x", "--task", "A", "--priority", "high"], "whole number"],
    [["job", "submit", "x", "--task", "A", "--input", "{"], "the input is not valid JSON"],
    [["job", "list", "--state", "done"], "one of submitted"],
    [["job", "get"], "missing required argument 'job'"],
    [["cluster", "update", "a"], "nothing to change"],
    [["server", "--bogus", "1", "--grpc-port", "x"], "--bogus is not a known flag"],
    [["dev", "--port", "70000"], "whole number from 0 to 65535"],
    [["job", "list", "--address", "a:1,b"], '--address: "b" is not an address; it must be host:port'],
    [["job", "list", "--ca", "no-such-file.pem"], "--ca: cannot read no-such-file.pem"],
    [["job", "list", "--ca", fileURLToPath(import.meta.url)], "--ca: there is no certificate in PEM in "],
  ])("%j ends with 2 and says why", async (args, sentence) => {
    const { code, out, err } = await run(...args);
    expect(code).toBe(2);
    expect(out).toBe("");
    expect(err).toContain(sentence);
  });
});

describe("an environment that is not valid", () => {
  it.each([
    [{ TASKGROVE_ADDRESS: "a:1,,b:2" }, 'TASKGROVE_ADDRESS: "" is not an address'],
    [{ TASKGROVE_TLS: "maybe" }, 'TASKGROVE_TLS is "maybe"; it must be one of true, false'],
    [{ TASKGROVE_CA: "no-such-file.pem" }, "TASKGROVE_CA: cannot read no-such-file.pem"],
  ])("%j ends with 2 and says why", async (env, sentence) => {
    const { code, out, err } = await runWith({ ...nowhere, ...env }, "job", "list");
    expect(code).toBe(2);
    expect(out).toBe("");
    expect(err).toContain(sentence);
  });
});

describe("no orchestrator", () => {
  it.each([
    ["job", "list"],
    ["job", "watch", "X"],
    ["job", "submit", "x", "--task", "A"],
    ["cluster", "list"],
    ["runner", "list"],
  ])("%s %s ends with 4 and one sentence with the address", async (...args) => {
    const { code, out, err } = await run(...args.filter((part) => part !== undefined));
    expect(code).toBe(4);
    expect(out).toBe("");
    expect(err).toBe(
      'taskgrove: no orchestrator answers at 127.0.0.1:9. Start one with "taskgrove dev", or say where it is with --address or TASKGROVE_ADDRESS.\n',
    );
  });

  it("names the address of the command line before that of the environment", async () => {
    expect((await run("job", "list", "--address", "127.0.0.1:1")).err).toContain(
      "no orchestrator answers at 127.0.0.1:1.",
    );
  });

  it("names all addresses that there are", async () => {
    expect((await run("job", "list", "--address", "127.0.0.1:1,127.0.0.1:9")).err).toContain(
      "no orchestrator answers at 127.0.0.1:1,127.0.0.1:9. Start one",
    );
  });
});
