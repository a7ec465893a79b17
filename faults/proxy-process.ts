/** Entry of the process that all links run in: apart from the rest of the suite, so that what that has to do delays nobody's bytes. */
import { Link, type LinkMode } from "./proxy.ts";

/** What the process is told. */
export type ToProxy =
  | { readonly kind: "open"; readonly links: readonly string[] }
  | { readonly kind: "target"; readonly link: string; readonly port: number | undefined }
  | { readonly kind: "mode"; readonly link: string; readonly mode: LinkMode };

/** What it tells: the port of each link, once they are open. */
export interface FromProxy {
  readonly ports: Readonly<Record<string, number>>;
}

const links = new Map<string, Link>();

process.on("message", (message: ToProxy) => {
  if (message.kind === "open") void open(message.links);
  else if (message.kind === "target") links.get(message.link)?.setTarget(message.port);
  else links.get(message.link)?.setMode(message.mode);
});
process.on("disconnect", () => process.exit(0));

async function open(names: readonly string[]): Promise<void> {
  for (const name of names) links.set(name, await Link.open());
  const ports = Object.fromEntries(Array.from(links, ([name, link]) => [name, link.port]));
  process.send?.({ ports } satisfies FromProxy);
}
