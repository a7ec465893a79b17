import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { runLogged } from "./run-logged.ts";

let folder: string;
let log: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "taskgrove-test-"));
  log = join(folder, "install.log");
});

afterEach(() => rmSync(folder, { recursive: true }));

function shell(script: string, limits: { limitMs?: number; silenceMs?: number } = {}) {
  const lines: string[] = [];
  const onLine = (line: string) => lines.push(line);
  const env = { GREETING: "hello" };
  const result = runLogged({ program: "sh", args: ["-c", script], env, log, limitMs: 30_000, onLine, ...limits });
  return { lines, result };
}

describe("runLogged", () => {
  it("gives each line of both outputs and keeps them in the log, command after command", async () => {
    const first = shell('echo "$GREETING"; echo "and more" >&2');
    expect(await first.result).toBeNull();
    expect(first.lines.sort()).toEqual(["and more", "hello"]);
    expect(await shell("echo again").result).toBeNull();
    expect(readFileSync(log, "utf8")).toMatch(
      /^\$ sh -c .*\n(?:hello\nand more|and more\nhello)\n\$ sh -c echo again\nagain\n$/,
    );
  });

  it("says why a command failed", async () => {
    expect(await shell("exit 3").result).toBe("exit code 3");
    expect(await shell("kill -9 $$").result).toBe("SIGKILL");
    const missing = { program: join(folder, "missing"), args: [], log, limitMs: 30_000 };
    expect(await runLogged(missing)).toMatch(/ENOENT/);
  });

  it("ends a command that takes too long or has hung", async () => {
    expect(await shell("exec sleep 30", { limitMs: 100 }).result).toMatch(/not finished after/);
    expect(await shell("echo start; exec sleep 30", { silenceMs: 100 }).result).toMatch(/no sign of life/);
  });
});
