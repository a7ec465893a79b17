import { describe, expect, it } from "vitest";
import { parseDockerfile } from "./dockerfile.ts";
import { imageConfigOf, planStages } from "./image.ts";

const EXAMPLE = `# A comment.
ARG NODE_VERSION=24.21.0

FROM node:\${NODE_VERSION}-slim AS build
WORKDIR /app
COPY package.json lock.json ./
RUN npm ci \\
  # a comment inside
  --omit=dev && mkdir data

FROM build
ARG PORT=80
ENV A=1 \\
    B="two words"
LABEL title="An image" version="1.0"
COPY --from=build --chown=1000:1000 /app/data /var/data
WORKDIR sub
USER 1000:1000
VOLUME /var/data
EXPOSE $PORT 81
STOPSIGNAL SIGINT
HEALTHCHECK --interval=10s --retries=3 CMD ["node", "-e", "process.exit(0)"]
ENTRYPOINT ["node", "main.ts"]
CMD ["--verbose"]
`;

describe("a Dockerfile", () => {
  it("becomes a plan of what each stage does", () => {
    const plans = planStages(parseDockerfile(EXAMPLE));
    expect(plans.map(({ name, base }) => ({ name, base }))).toEqual([
      { name: "build", base: "node:24.21.0-slim" },
      { name: undefined, base: "build" },
    ]);
    expect(plans[0]?.actions.map(({ step, workdir }) => [step.kind, workdir])).toEqual([
      ["workdir", "/app"],
      ["copy", "/app"],
      ["run", "/app"],
    ]);
    expect(plans[0]?.actions[2]?.step).toMatchObject({ command: "npm ci --omit=dev && mkdir data", line: 7 });
    expect(plans[1]?.actions[0]).toMatchObject({
      step: { from: "build", chown: "1000:1000", sources: ["/app/data"], destination: "/var/data" },
      env: new Map([
        ["PORT", "80"],
        ["A", "1"],
        ["B", "two words"],
      ]),
    });
  });

  it("says how its image is run; a stage starts from what its base says", () => {
    expect(imageConfigOf(parseDockerfile(EXAMPLE))).toEqual({
      env: new Map([
        ["A", "1"],
        ["B", "two words"],
      ]),
      labels: new Map([
        ["title", "An image"],
        ["version", "1.0"],
      ]),
      workdir: "/app/sub",
      user: "1000:1000",
      volumes: ["/var/data"],
      ports: ["80", "81"],
      stopSignal: "SIGINT",
      healthcheck: ["node", "-e", "process.exit(0)"],
      entrypoint: ["node", "main.ts"],
      cmd: ["--verbose"],
    });
  });
});

it.each([
  ["ADD x y", "line 2: the instruction ADD is not known to this script"],
  ["COPY --link x y", "line 2: COPY is understood with --from= and --chown= only"],
  ["COPY *.json ./", "line 2: COPY with wildcards"],
  ["COPY x", "line 2: COPY needs a source and a destination"],
  ["RUN --mount=type=cache,target=x npm ci", "line 2: RUN is understood as one plain shell command only"],
  ['RUN ["npm", "ci"]', "line 2: RUN is understood as one plain shell command only"],
  ["RUN rm -r /usr/local/lib", "line 2: RUN may name only paths relative to WORKDIR"],
  ["ENTRYPOINT node main.ts", "line 2: a command must be in its exec form"],
  ["HEALTHCHECK NONE", "line 2: HEALTHCHECK NONE is not understood"],
  ["ENV A 1", 'line 2: "A 1" is not of the form NAME=value'],
  ["ENV A=1 B='x y'", "line 2: \" B='x y'\" is not of the form NAME=value"],
  ["EXPOSE $PORT", "line 2: $PORT has no value here"],
  [`EXPOSE \${PORT:-1}`, "{PORT:-1} has no value here"],
  ["RUN a \\", "line 2: the file ends in the middle of an instruction"],
])("refuses %s", (line, problem) => {
  expect(() => planStages(parseDockerfile(`FROM scratch\n${line}\n`))).toThrow(problem);
});

it("refuses a file without a stage, and steps before the first one", () => {
  expect(() => parseDockerfile("ARG A=1\n")).toThrow("there is no FROM");
  expect(() => parseDockerfile("ENV A=1\nFROM scratch\n")).toThrow("line 1: only ARG may stand before the first FROM");
});
