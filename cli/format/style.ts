import { styleText } from "node:util";

/** A colour or another emphasis. */
export type TextFormat = Parameters<typeof styleText>[0];

/** What styling is allowed to look at. */
export type ColorEnvironment = { readonly [name: string]: string | undefined };

/** Puts escape codes around a text, or none at all when colours are off. */
export type Style = (format: TextFormat, text: string) => string;

/** Leaves every text as it is. */
export const plainStyle: Style = (_format, text) => text;

/** Styles with escape codes when `enabled`. */
export function createStyle(enabled: boolean): Style {
  if (!enabled) return plainStyle;
  return (format, text) => (text === "" ? "" : styleText(format, text, { validateStream: false }));
}

/** Whether a stream gets colours: a terminal does, unless `NO_COLOR` is set (to anything) or it is a dumb one; `FORCE_COLOR` decides before. */
export function wantsColor(stream: { readonly isTTY?: boolean | undefined }, env: ColorEnvironment): boolean {
  if (env.NO_COLOR !== undefined && env.NO_COLOR !== "") return false;
  if (env.FORCE_COLOR !== undefined && env.FORCE_COLOR !== "") return env.FORCE_COLOR !== "0";
  return stream.isTTY === true && env.TERM !== "dumb";
}
