import { readFile } from "node:fs/promises";
import { InvalidArgumentError } from "commander";
import type { Identifier, JobState } from "taskgrove";
import { UsageError } from "../exit-codes.ts";

/** Parses `example.com/MyTask@v1.0`. Without a version: `v0.0`, the default of tasks that state none. For commander. */
export function parseTaskIdentifier(text: string): Identifier {
  const at = text.lastIndexOf("@");
  const name = at < 0 ? text : text.slice(0, at);
  const version = at < 0 ? "v0.0" : text.slice(at + 1);
  if (name === "" || !/^v\d+\.\d+$/.test(version)) {
    throw new InvalidArgumentError("It must be a name and a version, such as example.com/MyTask@v1.0.");
  }
  return [name, version];
}

const jobStates: readonly JobState[] = ["SUBMITTED", "RUNNING", "STARTED", "COMPLETED", "FAILED", "CANCELED"];

/** Parses `failed` or `running,started` and adds it to those before. For commander. */
export function parseJobStates(text: string, before: readonly JobState[] = []): JobState[] {
  const states = text.split(",").map((part) => {
    const state = jobStates.find((known) => known === part.trim().toUpperCase());
    if (state === undefined) throw new InvalidArgumentError(`It must be one of ${jobStates.join(", ").toLowerCase()}.`);
    return state;
  });
  return [...before, ...states];
}

const unitMs: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Parses a point in time: `2026-11-24`, `2026-11-24T10:00:00Z`, or how long ago: `30m`, `2h`, `7d`. For commander. */
export function parseTime(now: () => number): (text: string) => Date {
  return (text) => {
    const ago = /^(\d+)([smhd])$/.exec(text);
    const time = ago ? new Date(now() - Number(ago[1]) * (unitMs[ago[2] ?? ""] ?? 0)) : new Date(text);
    if (Number.isNaN(time.getTime())) {
      throw new InvalidArgumentError("It must be a time such as 2026-11-24T10:00:00Z, or how long ago, such as 2h.");
    }
    return time;
  };
}

/** Parses how long, `500ms`, `30s`, `5m`, `2h` or `1d`, into milliseconds. For commander. */
export function parseDuration(text: string): number {
  const parts = /^(\d+(?:\.\d+)?)(ms|[smhd])$/.exec(text);
  if (!parts) throw new InvalidArgumentError("It must be a number with a unit, such as 500ms, 30s or 5m.");
  return Number(parts[1]) * (parts[2] === "ms" ? 1 : (unitMs[parts[2] ?? ""] ?? 0));
}

/**
 * The input that `--input` names: JSON as it stands there, `@file`, or `-` for standard input. A value, or bytes when `raw`. Undefined when none
 * is given.
 *
 * @throws UsageError when a file cannot be read or what is there is no JSON.
 */
export async function loadInput(
  given: string | undefined,
  raw: boolean,
  stdin: AsyncIterable<Uint8Array>,
): Promise<unknown> {
  if (given === undefined) return undefined;
  const { bytes, source } = await readSource(given, stdin);
  if (raw) return bytes;
  try {
    return JSON.parse(bytes.toString("utf8")) as unknown;
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    throw new UsageError(`${source} is not valid JSON: ${problem}. For bytes that are not JSON, add --raw.`);
  }
}

async function readSource(given: string, stdin: AsyncIterable<Uint8Array>): Promise<{ bytes: Buffer; source: string }> {
  if (given === "-") return { bytes: Buffer.concat(await Array.fromAsync(stdin)), source: "standard input" };
  if (!given.startsWith("@")) return { bytes: Buffer.from(given, "utf8"), source: "the input" };
  const path = given.slice(1);
  try {
    return { bytes: await readFile(path), source: path };
  } catch (error) {
    const problem =
      error instanceof Error && "code" in error && error.code === "ENOENT" ? "there is no such file" : String(error);
    throw new UsageError(`cannot read the input from ${path}: ${problem}`);
  }
}
