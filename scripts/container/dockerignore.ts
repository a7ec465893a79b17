/**
 * Tells which paths of the build context a .dockerignore leaves out. The last pattern that fits a path, or a folder above it, decides; `!`
 * brings back in. `*` stands for anything without a slash, `**` for any folders.
 *
 * @throws Error for a pattern with other wildcards.
 */
export function parseDockerignore(text: string): (path: string) => boolean {
  const rules = text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => ({ isIgnored: !line.startsWith("!"), pattern: toRegExp(line.replace(/^!/, "")) }));
  return (path) => rules.findLast(({ pattern }) => pattern.test(path))?.isIgnored ?? false;
}

function toRegExp(glob: string): RegExp {
  if (/[?[\]\\]/.test(glob)) throw new Error(`.dockerignore: the pattern ${glob} is not understood`);
  const parts = glob.replace(/^\/|\/$/g, "").split("/");
  const source = parts.map((part, index) => {
    if (part === "**") return index === parts.length - 1 ? ".*" : "(?:[^/]+/)*";
    const name = part.replace(/[.+^$(){}|]/g, "\\$&").replaceAll("*", "[^/]*");
    return index === parts.length - 1 ? name : `${name}/`;
  });
  return new RegExp(`^${source.join("")}(?:/|$)`);
}
