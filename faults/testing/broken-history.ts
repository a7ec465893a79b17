import type { Evidence } from "../evidence.ts";
import type { RuleName } from "../violation.ts";
import { HandMadeRound } from "./hand-made-round.ts";

/** For tests: a history that breaks a rule. */
export interface BrokenHistory {
  readonly rule: RuleName;
  readonly how: string;
  /** Part of what the violation says, where the rule looks at several things. */
  readonly says?: string;
  /** Tells it. */
  evidence(): Evidence;
}

/** A history that is told wrongly. */
export function breaks(rule: RuleName, how: string, tell: (round: HandMadeRound) => void): BrokenHistory {
  return {
    rule,
    how,
    evidence() {
      const round = new HandMadeRound();
      tell(round);
      return round.evidence();
    },
  };
}

/** A good history of which something is changed at the end. */
export function breaksWith(rule: RuleName, how: string, change: (good: Evidence) => Partial<Evidence>): BrokenHistory {
  return {
    rule,
    how,
    evidence() {
      const good = new HandMadeRound().play().evidence();
      return { ...good, ...change(good) };
    },
  };
}
