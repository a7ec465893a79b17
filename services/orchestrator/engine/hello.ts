import type { Limits } from "../domain/limits.ts";
import type { TaskIdentifier } from "../domain/records.ts";
import { accept, type Result, reject } from "../domain/rejection.ts";
import { checkText } from "../domain/validate.ts";
import { parseIdentifier } from "../domain/version.ts";
import type { SessionHello } from "./api.ts";
import { DEFAULT_CLUSTER } from "./create-tasks.ts";

/** A hello whose fields have been checked. */
export interface ParsedHello {
  readonly runnerName: string;
  readonly cluster: string;
  readonly identifiers: readonly TaskIdentifier[];
  readonly credits: number;
  readonly notifyIdle: boolean;
}

/** Checks what a runner says of itself. */
export function parseHello(hello: SessionHello, limits: Limits): Result<ParsedHello> {
  const refusal =
    checkText("hello.runner_name", hello.runnerName, limits.maxNameLength, true) ??
    checkText("hello.cluster", hello.cluster, limits.maxNameLength, false);
  if (refusal !== null) return { ok: false, rejection: refusal };
  if (hello.identifiers.length === 0) {
    return reject("INVALID_ARGUMENT", "hello.identifiers must hold at least one task identifier");
  }
  if (hello.identifiers.length > limits.maxIdentifiers) {
    return reject("LIMIT_EXCEEDED", `hello.identifiers has more than max_identifiers (${limits.maxIdentifiers})`);
  }
  if (hello.credits > limits.maxCredits) {
    return reject("LIMIT_EXCEEDED", `hello.credits is more than max_credits (${limits.maxCredits})`);
  }
  const identifiers: TaskIdentifier[] = [];
  for (const [index, raw] of hello.identifiers.entries()) {
    const parsed = parseIdentifier(raw, limits.maxNameLength, `hello.identifiers[${index}]`);
    if (!parsed.ok) return parsed;
    identifiers.push(parsed.value);
  }
  const { runnerName, credits, notifyIdle } = hello;
  const cluster = hello.cluster === "" ? DEFAULT_CLUSTER : hello.cluster;
  return accept({ runnerName, cluster, identifiers, credits, notifyIdle });
}
