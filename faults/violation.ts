import type { RULES } from "./checker.ts";

/** The name of a rule. */
export type RuleName = keyof typeof RULES;

/** Something that must not be. */
export interface Violation {
  readonly rule: RuleName;
  /** One sentence. */
  readonly message: string;
  readonly jobId?: string | undefined;
  readonly key?: string | undefined;
  /** When it showed, where that is all that is known. */
  readonly at?: number;
  /** The tasks that it is about. */
  readonly taskIds?: readonly string[];
}
