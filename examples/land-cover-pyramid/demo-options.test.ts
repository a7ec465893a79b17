import { describe, expect, it } from "vitest";
import { parseDemoCommand } from "./demo-options.ts";

describe("parseDemoCommand", () => {
  it("has defaults for everything", () => {
    expect(parseDemoCommand([])).toEqual({
      kind: "run",
      options: { zoom: 6, runners: 3, store: "sqlite", kill: true, out: expect.stringContaining("world.png") },
    });
  });

  it("takes what it is told", () => {
    const args = ["--zoom", "2", "--runners", "1", "--no-kill", "--out", "map.png", "--store", "mongodb"];
    expect(parseDemoCommand(args)).toEqual({
      kind: "run",
      options: { zoom: 2, runners: 1, store: "mongodb", kill: false, out: "map.png" },
    });
  });

  it("shows help", () => {
    expect(parseDemoCommand(["--help"])).toMatchObject({ kind: "help", text: expect.stringContaining("--zoom N") });
  });

  it("refuses with all problems at once", () => {
    const command = parseDemoCommand(["--zoom", "9", "--runners", "1.5", "--store", "mysql"]);
    expect(command).toMatchObject({
      kind: "refused",
      problems: [
        expect.stringContaining("--zoom"),
        expect.stringContaining("--runners"),
        "--store must be sqlite or mongodb, not mysql",
      ],
    });
  });

  it("refuses to kill the only runner", () => {
    expect(parseDemoCommand(["--runners", "1"])).toMatchObject({ problems: [expect.stringContaining("--no-kill")] });
  });

  it("refuses unknown flags", () => {
    expect(parseDemoCommand(["--zom", "3"])).toMatchObject({
      kind: "refused",
      problems: [expect.stringContaining("--zom")],
    });
  });
});
