/** Writes the expressions of the alert rules as JSON, by alert, for whoever parses PromQL. */
import { parse } from "yaml";
import { loadDeployFiles } from "./files.ts";

interface Rules {
  readonly groups: readonly { readonly rules: readonly { readonly alert: string; readonly expr: string }[] }[];
}

const { groups } = parse(loadDeployFiles().alerts) as Rules;
const rules = groups.flatMap((group) => group.rules);
process.stdout.write(JSON.stringify(Object.fromEntries(rules.map(({ alert, expr }) => [alert, expr]))));
